package sqlite

/*
#cgo darwin LDFLAGS: -Wl,-undefined,dynamic_lookup
#include <stdint.h>

// SQLite is in the driver's package. cgo links this one by itself first, where only a weak symbol may be missing.
__attribute__((weak)) int sqlite3_db_config(void*, int, ...);

static int gouache_defend(uintptr_t db) {
	int on = 0;
	int rc = sqlite3_db_config((void*)db, 1010, 1, &on); // SQLITE_DBCONFIG_DEFENSIVE
	return rc != 0 ? rc : on == 1 ? 0 : 1;
}
*/
import "C"

import (
	"fmt"
	"reflect"

	"github.com/mattn/go-sqlite3"
)

// defend turns on SQLite's defensive mode, in which no statement can damage the database's file.
// Only C can, and the driver hides its connection: TestSettings fails should it move.
func defend(c *sqlite3.SQLiteConn) error {
	db := reflect.ValueOf(c).Elem().FieldByName("db")
	if !db.IsValid() || db.Kind() != reflect.Pointer {
		return fmt.Errorf("the driver's connection has changed")
	}
	if rc := C.gouache_defend(C.uintptr_t(db.Pointer())); rc != 0 {
		return fmt.Errorf("SQLite has no defensive mode: %d", int(rc))
	}
	return nil
}
