package web

import "html/template"

// functions are what templates may call.
var functions = template.FuncMap{}
