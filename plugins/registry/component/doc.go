// Package component runs a Portcullis component in a Go program: its interface portcullis:gate/text, JSON in and JSON out
// (docs/batch.md).
//
// wazero runs core modules, not components. So the core module is taken out of the component (core.go), and the one
// function that is called is lowered by hand as the canonical ABI has it (instance.go). wasmtime-go, which knows components, has no call of
// a component's function in any version that can be had.
//
// An instance is single-threaded; a Pool has several. An instance that failed in any way is never used again.
package component
