// Package documents fetches what a gate needs: JWK Sets, metadata, status lists, bundles and lists of users.
//
// The gate admits URLs by their form, and each redirect; this admits addresses, when it connects, and bounds everything that
// comes: in size, in time, and by origin (semantics.md, "Fetching").
package documents
