// Package gate is a host of Portcullis's gate: instances of the component with a policy, and what stands between them and the
// world. It decides nothing.
//
// Instances never wait: while a request waits for documents or for the memory of used proofs, its instance decides about
// others. What instances share is raw documents and the memory of proofs, never what one of them concluded. An instance that
// failed is replaced, and given the policy and the documents again without a fetch.
package gate
