package web

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"regexp"
	"strings"
	"testing"
)

// The scripts of others are what the list says, each of them is listed, and each folder has a licence.
func TestOthers(t *testing.T) {
	root, err := fs.Sub(staticFiles, "static/others")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := fs.ReadFile(root, "README.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]string{} // sums by path
	for _, m := range regexp.MustCompile(`(?m)^([0-9a-f]{64})  (\S+)$`).FindAllStringSubmatch(string(readme), -1) {
		listed[m[2]] = m[1]
	}
	licensed := map[string]bool{} // by folder
	err = fs.WalkDir(root, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path == "README.md" {
			return err
		}
		data, err := fs.ReadFile(root, path)
		sum := sha256.Sum256(data)
		if listed[path] != hex.EncodeToString(sum[:]) {
			t.Errorf("%s has the sum %x, but README.md says %q", path, sum, listed[path])
		}
		delete(listed, path)
		folder, name, _ := strings.Cut(path, "/")
		licensed[folder] = licensed[folder] || strings.HasPrefix(strings.ToUpper(name), "LICEN")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for path := range listed {
		t.Errorf("README.md lists %s, which is not there", path)
	}
	for folder, ok := range licensed {
		if !ok {
			t.Errorf("%s comes without its licence", folder)
		}
		if !strings.Contains(string(readme), "| "+folder+" |") {
			t.Errorf("README.md does not say what %s is", folder)
		}
	}
}
