//! The codes of deferred key binding.

portcullis_types::codes! {
    /// Why a token is not bound as its requester wants, or its binding is not accepted.
    pub enum BindingCode {
        /// The policy is not in its form.
        PolicyMalformed = "binding.policy_malformed", "docs/key-binding.md";
        /// The token is bound to a key that was not proved, or is to be, and the policy does not let that be.
        DeferredNotPermitted = "binding.deferred_not_permitted", "draft-richer-oauth-tmb-claim-01 section 4";
        /// The client is not one that may ask for a token that is bound to a key which it does not prove.
        RequesterNotPermitted = "binding.requester_not_permitted", "draft-richer-oauth-tmb-claim-01 section 4";
        /// The `tmb` is too long.
        TmbTooLarge = "binding.tmb_too_large", "docs/limits.md";
        /// The `tmb` is not one JSON object with unique names.
        TmbMalformed = "binding.tmb_malformed", "draft-richer-oauth-tmb-claim-01 section 3; RFC 7800 section 3.1";
        /// The key of `tmb` is named in a way that the policy does not take, or that no proof can be compared with.
        KeyName = "binding.key_name_not_permitted", "draft-richer-oauth-tmb-claim-01 section 3; docs/key-binding.md";
        /// The token's claim `tmb` is not what its `cnf` is: it was not copied.
        NotCopied = "binding.tmb_not_copied", "draft-richer-oauth-tmb-claim-01 section 3";
        /// The key of `cnf` is named by a `kid`, which no proof can be compared with.
        KeyUnknown = "binding.key_unknown", "RFC 7800 section 3.4; docs/key-binding.md";
        /// The presenter of a bound token shows no possession of any key.
        Unproved = "binding.unproved", "draft-richer-oauth-tmb-claim-01 section 3";
        /// The key that was proved is not the one that the token is bound to.
        KeyMismatch = "binding.key_mismatch", "draft-richer-oauth-tmb-claim-01 section 3; RFC 9449 section 7.1; RFC 8705 section 3";
        /// A rule does not accept tokens that are bound so.
        NotAccepted = "binding.not_accepted", "docs/key-binding.md";
    }
}
