# Each target first installs what is missing.
#
# make demo    paints a bundled photograph in a bundled style
# make test    runs all tests
# make fuzz    runs every fuzzer for FUZZTIME, 30s if it is not set; .ci/fuzz ./weights/h5 runs those of a package
# make build   builds bin/gouache
# make install  puts the program, its manual and completion below PREFIX, ~/.local if it is not set; make uninstall removes them
# make notebook  opens JupyterLab with the notebooks; NO_BROWSER=1 only serves them
# make docs    writes the notebooks as HTML, to read without Jupyter, into out/notebooks
# make bench   compares with PyTorch, TensorFlow and JAX; see bench/README.md
# make clean   removes what make made; weights and XLA's plugin stay in their caches

python := $(or $(GOUACHE_PYTHON),python3)
# The commit that runs record; empty outside a git checkout.
commit := $(shell git describe --always --abbrev=40 --exclude='*' --dirty=+changes 2>/dev/null)

PREFIX ?= $(HOME)/.local

.PHONY: build install uninstall demo test fuzz notebook jupyter docs bench clean setup packages tools

build: packages
	go build -ldflags '-X main.commit=$(commit)' -o bin/gouache ./cmd/gouache

bash := share/bash-completion/completions/gouache
zsh := share/zsh/site-functions/_gouache
fish := share/fish/vendor_completions.d/gouache.fish

install: build
	@mkdir -p $(addprefix '$(PREFIX)'/,bin share/man/man1 $(dir $(bash) $(zsh) $(fish)))
	@cp bin/gouache '$(PREFIX)/bin/gouache.new' && mv '$(PREFIX)/bin/gouache.new' '$(PREFIX)/bin/gouache'
	@bin/gouache man '$(PREFIX)/share/man/man1'
	@bin/gouache completion bash > '$(PREFIX)/$(bash)'
	@bin/gouache completion zsh > '$(PREFIX)/$(zsh)'
	@bin/gouache completion fish > '$(PREFIX)/$(fish)'
	@echo "gouache is in $(PREFIX)/bin, its manual in $(PREFIX)/share/man; a new shell completes its commands"
	@case ":$$PATH:" in *":$(PREFIX)/bin:"*) ;; *) echo "PATH lacks $(PREFIX)/bin: add this line to the shell's start file, such as ~/.profile:"; echo '  export PATH="$(PREFIX)/bin:$$PATH"' ;; esac

uninstall:
	rm -f '$(PREFIX)/bin/gouache' '$(PREFIX)'/share/man/man1/gouache.1 '$(PREFIX)'/share/man/man1/gouache-*.1 $(patsubst %,'$(PREFIX)/%',$(bash) $(zsh) $(fish))

# tools checks for what cannot be installed from here.
tools:
	@command -v go >/dev/null || { echo "make: Go 1.26 is needed: see go.dev/doc/install" >&2; exit 1; }
	@$(python) -m pip --version >/dev/null 2>&1 || { echo "make: Python 3 with pip is needed: apt-get install -y python3-pip" >&2; exit 1; }

packages: tools
	@docker/install-packages

# setup installs XLA's plugin and the network's weights.
setup: build
	@bin/gouache doctor --fix

demo: setup
	@mkdir -p out
	bin/gouache stylize sample:chelsea sample:swirl --size 384 --iterations 80 --out out/demo.png
	@echo
	@echo "The picture is $(CURDIR)/out/demo.png. What to try next:"
	@echo "  bin/gouache stylize sample:rocket sample:watercolour --open"
	@echo "  bin/gouache stylize YOUR-PHOTO.jpg YOUR-PAINTING.jpg"
	@echo "  bin/gouache ui    # all pictures so far, their settings and curves, in a browser"
	@echo "  bin/gouache stylize --help"
	@echo "  make install      # puts gouache on the PATH, with its manual"

# The tests compare with reference numbers of the weights vgg16-hed, and run the notebooks.
test: jupyter
	@bin/gouache weights fetch vgg16-hed
	GOUACHE_REQUIRE_NOTEBOOKS=1 go test -timeout 30m ./...
	cd examples && go test ./...

fuzz: packages
	@.ci/fuzz

# jupyter makes .venv with the Go kernel, which imports this module from this folder.
jupyter: setup
	@docker/install-packages notebook
	@docker/install-jupyter .venv
	@bin/gouache kernel install --prefix .venv >/dev/null
	@go build ./notebooks/live # or the first cell would compile it

# JupyterLab refuses to run as root, as in a container, without --allow-root.
notebook: jupyter
	.venv/bin/jupyter lab $(if $(NO_BROWSER),--no-browser) $(if $(filter 0,$(shell id -u)),--allow-root) notebooks/01_first_painting.ipynb

# Their saved outputs are shown; nothing is run.
docs: jupyter
	.venv/bin/jupyter nbconvert --log-level WARN --to html --output-dir out/notebooks notebooks/*.ipynb examples/*/*.ipynb
	@echo "The notebooks are in $(CURDIR)/out/notebooks."

# The other frameworks are large: only this target installs them.
bench: setup
	@docker/install-packages notebook
	@bench/install-python
	go run ./bench

clean:
	rm -rf bin out
