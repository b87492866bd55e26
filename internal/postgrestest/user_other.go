//go:build !unix

package postgrestest

import "syscall"

// asUser is not called: only Unix has a root, as which PostgreSQL refuses to run.
func asUser(_, _ uint32) *syscall.SysProcAttr { return nil }
