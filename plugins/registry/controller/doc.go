// Package controller lets Portcullis decide who may pull, push and delete at a CNCF Distribution registry.
//
// Importing it registers an access controller with the name `portcullis` and an HTTP middleware, without which every denial would be a
// 401. It decides nothing: it moves bytes between the registry and the gate, and whatever goes wrong on the way denies.
//
// What stands under `auth: portcullis:` in the registry's configuration:
//
//   - policy: the policy's file, JSON where its name ends in `.json`, else TOML. It is read again when it changes, and so are the
//     files that it names; those begin at its folder.
//   - origin: the scheme and the host under which clients reach the registry, where their requests do not tell: behind a proxy that
//     ends TLS. Forwarded headers are never read.
//   - instances: how many requests are decided about at once; as many as there are processors where nothing is said.
//   - deadline: the longest that the component may take for one step of a request; 5s where nothing is said.
//   - ca: a file, or a list of files, with certificates of authorities in PEM that are believed beside the system's when documents
//     are fetched.
//   - resolve: HOST:PORT:ADDRESS, or a list of those: where documents of an origin are fetched from. The address may be a private one.
//   - cache: a folder for compiled code, which makes the next start faster by a second or two. Whoever can write there decides what the
//     registry runs.
//   - component: a file in place of the component that is part of the program.
package controller
