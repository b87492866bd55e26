//go:build !nohdf5

package main

import _ "github.com/gouache-art/gouache/weights/h5" // reads weights of Keras
