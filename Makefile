# `make demo` and `make test` are all a newcomer needs; both set up what is missing first.

.PHONY: setup demo test lint bench docs dist

setup:
	@python3 scripts/setup.py

demo: setup
	cargo run --release --bin kinitro -- demo $(ARGS)

test: setup
	@bash scripts/test.sh

lint: setup
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	@sh scripts/features.sh
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet
	command -v cargo-deny >/dev/null || cargo install cargo-deny --locked --version 0.20.2
	cargo deny --locked check --hide-inclusion-graph --allow parse-error bans licenses sources

bench: setup
	cargo run --release --bin kinitro -- bench sim
	cargo run --release --bin kinitro -- bench store
	cargo bench -p kinitro-core

# Writes again what is generated and committed. `make test` fails where it is out of date.
docs: setup
	KINITRO_UPDATE_DOCS=1 cargo test --workspace --lib --bins --quiet -- reference openapi

# The program and all that it needs, in a folder that may be moved anywhere.
dist: setup
	cargo build --release --locked --bin kinitro
	@python3 scripts/setup.py --dist target/dist
