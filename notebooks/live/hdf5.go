//go:build !nohdf5

package live

import _ "github.com/gouache-art/gouache/weights/h5" // reads Keras's weights
