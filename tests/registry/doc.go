// Package registrytests tests access to OCI registries from end to end: clients that people use push to and pull from registries
// that people run, with tokens of Portcullis' token service, or with Portcullis inside of the registry.
//
// Everything runs on this machine, on ports that are free: `dist/bin/portcullis`, `dist/registry/portcullis-registry` and Debian's
// `docker-registry` as servers; skopeo, crane, oras and regctl as clients. A test starts the servers that it needs and ends them.
package registrytests
