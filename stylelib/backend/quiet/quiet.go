// Package quiet keeps go-xla from looking for plugins by itself, which package backend does. Without a home, or without
// /etc/ld.so.conf, go-xla logs an error when any program that it is part of begins.
//
// go-xla looks while packages are initialised. This one imports nothing but os, so that Go initialises it before.
package quiet

import "os"

func init() {
	const variable = "PJRT_PLUGIN_LIBRARY_PATH"
	if _, set := os.LookupEnv(variable); !set {
		_ = os.Setenv(variable, "") // a log line is no reason to end
	}
}
