// Package pythontest runs the Python programs that tests compare with: TensorBoard, DuckDB, MLflow and Optuna. They are in
// an environment of their own, internal/pythontest/.venv, which install makes of requirements.txt.
package pythontest

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// required is set where a missing environment is an error, as in CI.
const required = "GOUACHE_REQUIRE_PYTHON"

// Program returns the path of a program of the environment, such as python or mlflow. Without the environment the test is
// skipped, or fails if $GOUACHE_REQUIRE_PYTHON is set.
func Program(t testing.TB, name string) string {
	t.Helper()
	_, file, _, _ := runtime.Caller(0)
	path := filepath.Join(filepath.Dir(file), ".venv", "bin", name)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv(required) != "" {
			t.Fatalf("%v: internal/pythontest/install makes it", err)
		}
		t.Skipf("%v: internal/pythontest/install makes it", err)
	}
	return path
}

// Run runs a script with arguments, which must succeed, and returns what it prints.
func Run(t testing.TB, script string, args ...string) string {
	t.Helper()
	return Output(t, "python", append([]string{"-c", script}, args...)...)
}

// Output runs a program of the environment, which must succeed, and returns what it prints.
func Output(t testing.TB, program string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), Program(t, program), args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", program, err, out, stderr.Bytes())
	}
	return string(out)
}
