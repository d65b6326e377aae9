//! The codes of the way between apps.

portcullis_types::codes! {
    /// Why a flow between apps cannot go on, or is not what it has to be.
    pub enum App2AppCode {
        /// The flow has not begun: no URL was called yet. Begin with the URL of the `native_authorization_endpoint`.
        NotStarted = "app2app.flow_not_started", "app2app-browserless-07 section 3.3";
        /// The flow's PKCE challenge is missing or no S256 challenge of 43 characters, or an authorization request that can be seen
        /// has none with `S256`.
        PkceRequired = "app2app.pkce_required", "app2app-browserless-07 section 5.5; RFC 7636 section 4.2; RFC 9700 section 2.1.1";
        /// The flow is in another phase: a server's answer came while an app was waited for.
        WrongPhase = "app2app.flow_phase", "app2app-browserless-07 section 3.1";
        /// The flow holds more than it may: hops, names, apps or cookies.
        FlowTooLarge = "app2app.flow_too_large", "docs/limits.md";
        /// An entry of the allow-list is no DNS name in lower case, with or without a port.
        NameMalformed = "app2app.name_malformed", "app2app-browserless-07 section 5.3; docs/limits.md";
        /// An app stands without an identifier, or with a link that is no https URL without a query.
        AppMalformed = "app2app.app_malformed", "app2app-browserless-07 section 5.4; docs/limits.md";
        /// The server's metadata has no `native_authorization_endpoint`: begin in the browser.
        EndpointMissing = "app2app.native_endpoint_missing", "app2app-browserless-07 section 3.2";

        /// A URL is longer than 8 KiB.
        UrlTooLong = "app2app.url_too_long", "docs/limits.md";
        /// A URL is no absolute URI of visible ASCII with a host.
        UrlMalformed = "app2app.url_malformed", "RFC 3986 section 4.3";
        /// A URL is not https. A flow never leaves it.
        UrlScheme = "app2app.url_scheme", "app2app-browserless-07 section 5.4; RFC 9700 section 2.6";
        /// A URL has user information.
        UrlUser = "app2app.url_user", "RFC 9110 section 4.2.4; docs/limits.md";
        /// A URL has a fragment.
        UrlFragment = "app2app.url_fragment", "RFC 6749 section 3.1; docs/limits.md";
        /// A URL has an address where a DNS name has to be.
        UrlAddress = "app2app.url_address", "app2app-browserless-07 section 5.3; docs/limits.md";
        /// A URL's host is no DNS name of two labels or more in lower case, or is the device itself.
        UrlName = "app2app.url_name", "app2app-browserless-07 section 5.3; docs/limits.md";
        /// A URL has a port, and the allow-list has not that name with that port.
        UrlPort = "app2app.url_port", "docs/limits.md";
        /// The URL's name is not in the flow's allow-list.
        NotAllowed = "app2app.not_allowed", "app2app-browserless-07 sections 3.7 and 5.3";
        /// The URL was called before in this flow: a loop.
        Loop = "app2app.loop", "docs/limits.md";
        /// The flow has 20 hops behind it.
        TooManyHops = "app2app.too_many_hops", "docs/limits.md";
        /// The allow-list has 16 names, and the URL has another.
        TooManyNames = "app2app.too_many_names", "docs/limits.md";
        /// An authorization request on the way has another `native_callback_uri` than the flow, or none: the answer would go to
        /// another app.
        CallbackReplaced = "app2app.callback_replaced", "app2app-browserless-07 section 3.4";
        /// A parameter that is read stands twice in a URL, or is no text when decoded.
        ParameterMalformed = "app2app.parameter_malformed", "RFC 6749 section 3.1";

        /// The answer is a redirect of HTTP, which native endpoints do not send.
        Redirected = "app2app.redirected", "app2app-browserless-07 sections 3.3 and 3.7";
        /// The answer's status is none that is expected.
        Status = "app2app.status", "app2app-browserless-07 sections 3.5 and 3.7";
        /// The answer is not `application/json`, or says several times what it is.
        MediaType = "app2app.media_type", "app2app-browserless-07 sections 3.3 and 3.7";
        /// The answer is larger than 1 MiB.
        AnswerTooLarge = "app2app.answer_too_large", "docs/limits.md";
        /// The answer is an error of the server. The flow is over.
        ServerError = "app2app.server_error", "app2app-browserless-07 section 3.5.4";
        /// The server cannot go on without a browser (`native_app2app_unsupported`): begin anew in the browser.
        Unsupported = "app2app.unsupported", "app2app-browserless-07 sections 3.5.4 and 4.2";
        /// `action` is missing, or none of `call`, `deep_link` and `prompt`.
        ActionUnknown = "app2app.action_unknown", "app2app-browserless-07 section 3.5";
        /// On the way back a server may only name the next URL to call.
        ActionOnReturn = "app2app.action_on_return", "app2app-browserless-07 section 3.7";
        /// `url` is missing, or no text.
        UrlMissing = "app2app.url_missing", "app2app-browserless-07 sections 3.5.1 and 3.5.2";
        /// No app on the device claims the deep link: begin anew in the browser.
        AppMissing = "app2app.app_missing", "app2app-browserless-07 sections 3.5.2 and 4.2";
        /// The prompt is not what the text says, or there is nothing in it to ask.
        PromptMalformed = "app2app.prompt_malformed", "app2app-browserless-07 section 3.5.3";
        /// The prompt has more fields or choices, or longer texts, than anybody would read.
        PromptTooLarge = "app2app.prompt_too_large", "docs/limits.md";
        /// The prompt asks for a password or the like, which no server may ask for here.
        PromptCredentials = "app2app.prompt_credentials", "app2app-browserless-07 section 5.1";
        /// What the user entered is not what was asked for.
        ReplyMalformed = "app2app.reply_malformed", "app2app-browserless-07 section 3.5.3";

        /// The client app was called while no app was waited for, or by another URL than its own. Ignore it.
        CallbackUnexpected = "app2app.callback_unexpected", "app2app-browserless-07 section 5.3";
        /// Another app called back than the deep link was handed to.
        CallbackSender = "app2app.callback_sender", "app2app-browserless-07 section 5.4; docs/limits.md";
        /// The app called back with an error.
        CallbackError = "app2app.callback_error", "app2app-browserless-07 section 3.7";
        /// The app called back without `redirect_uri`.
        CallbackEmpty = "app2app.callback_empty", "app2app-browserless-07 section 3.7";
        /// The answer's `state` is not the flow's.
        State = "app2app.state", "RFC 6749 section 10.12; RFC 9700 section 2.1";
        /// The answer's `iss` is not the flow's server.
        Issuer = "app2app.issuer", "RFC 9207 section 2.4";

        /// The callback is not registered, so nothing is known of the app behind it.
        CallbackUntrusted = "app2app.callback_untrusted", "app2app-browserless-07 sections 3.6 and 5.2";
        /// On this device another app claims the callback than the one it is registered for.
        CallbackClaimedByOther = "app2app.callback_claimed_by_other", "app2app-browserless-07 sections 3.6 and 5.4";
        /// A registered pair has no app, the same callback as another, or a callback that cannot be one.
        PairMalformed = "app2app.pair_malformed", "app2app-browserless-07 section 5.2; docs/limits.md";
    }
}
