//! The filter's own codes: why there is no decision of the gate.

portcullis_types::codes! {
    /// Why a filter has no decision of the gate. All of them are answered with 503.
    pub enum EnvoyCode {
        /// As many requests wait for documents as may.
        Busy = "envoy.busy", "docs/envoy.md";
        /// Envoy does not tell the time or the request's header fields.
        Unreadable = "envoy.unreadable", "docs/envoy.md";
    }
}
