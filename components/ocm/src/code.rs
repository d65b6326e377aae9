//! The codes of Open Cloud Mesh, an enum a part.

portcullis_types::codes! {
    /// What can be wrong with an address, or with the URL of a server.
    pub enum PeerCode {
        /// An OCM Address has no `@`, an empty identifier, control characters, or is longer than 1,024 bytes.
        Address = "ocm.address_malformed", "draft-ietf-ocm-open-cloud-mesh-05, Terms, OCM Address";
        /// The server of an address, an invite or a `client_id` is no host with an optional port.
        AddressHost = "ocm.address_host", "draft-ietf-ocm-open-cloud-mesh-05, Terms, OCM Address";
        /// A URL of a server is not https at a name on the default port, and its origin is not listed.
        Url = "ocm.peer_url", "draft-ietf-ocm-open-cloud-mesh-05, OCM API Discovery, Process; docs/ocm.md";
        /// The server's name has one label, and its origin is not listed.
        Name = "ocm.peer_name", "docs/ocm.md";
    }
}

portcullis_types::codes! {
    /// What can be wrong on a page that asks people where they are from.
    pub enum ContactCode {
        /// The server has no place where its people accept invites, or one that is not at the server.
        Dialog = "ocm.contact_dialog", "draft-ietf-ocm-open-cloud-mesh-05, OCM API Discovery, Fields";
    }
}

portcullis_types::codes! {
    /// What can be wrong with the list of a federation's servers.
    pub enum DirectoryCode {
        /// A member is missing or of the wrong type, or there are more than 4,096 servers.
        Malformed = "ocm.directory_malformed", "draft-ietf-ocm-open-cloud-mesh-05, Appendix C; docs/limits.md";
        /// The URL of a server has a path or a query.
        Url = "ocm.directory_url", "draft-ietf-ocm-open-cloud-mesh-05, Appendix C";
    }
}

portcullis_types::codes! {
    /// What can be wrong with an invite or its acceptance.
    pub enum InviteCode {
        /// The text of an invite is longer than 4 KiB, or not base64url of UTF-8, with its whole padding or without.
        Encoding = "ocm.invite_encoding", "draft-ietf-ocm-open-cloud-mesh-05, Invite Flow, Invite format";
        /// An invite has no `@` when decoded, or no token that is visible ASCII.
        Form = "ocm.invite_form", "draft-ietf-ocm-open-cloud-mesh-05, Invite Flow, Invite format";
        /// A required member of an acceptance, or of the answer to it, is missing.
        MemberMissing = "ocm.invite_member_missing", "draft-ietf-ocm-open-cloud-mesh-05, Invite Flow, Invite Acceptance Request Details";
        /// A member of an acceptance, or of the answer to it, is of the wrong type, empty, or cannot be shown.
        MemberType = "ocm.invite_member_type", "draft-ietf-ocm-open-cloud-mesh-05, Invite Flow, Invite Acceptance Request Details";
        /// Another server than the `recipientProvider` signed the acceptance.
        Signer = "ocm.invite_signer", "draft-ietf-ocm-open-cloud-mesh-05, Invite Flow, Invite Acceptance Response Details";
        /// There is no invite with the token.
        Unknown = "ocm.invite_unknown", "draft-ietf-ocm-open-cloud-mesh-05, Invite Flow, Invite Acceptance Response Details";
        /// The invite was accepted before.
        Used = "ocm.invite_used", "draft-ietf-ocm-open-cloud-mesh-05, Invite Flow, Invite Acceptance Response Details";
        /// The invite has expired.
        Expired = "ocm.invite_expired", "draft-ietf-ocm-open-cloud-mesh-05, Invite Flow, Invite Acceptance Response Details";
        /// The server of the invite's sender refused the acceptance.
        Refused = "ocm.invite_refused", "draft-ietf-ocm-open-cloud-mesh-05, Invite Flow, Invite Acceptance Response Details";
    }
}

portcullis_types::codes! {
    /// What can be wrong with a discovery document.
    pub enum DiscoveryCode {
        /// The server speaks the protocol of before the draft: discovery at `/ocm-provider`, or an API version before 1.1.
        Legacy = "ocm.discovery_legacy", "draft-ietf-ocm-open-cloud-mesh-05, OCM API Discovery, Process";
        /// A required member is missing.
        MemberMissing = "ocm.discovery_member_missing", "draft-ietf-ocm-open-cloud-mesh-05, OCM API Discovery, Fields";
        /// A member is of the wrong type or empty.
        MemberType = "ocm.discovery_member_type", "draft-ietf-ocm-open-cloud-mesh-05, OCM API Discovery, Fields";
        /// `enabled` is false.
        Disabled = "ocm.discovery_disabled", "draft-ietf-ocm-open-cloud-mesh-05, OCM API Discovery, Fields";
        /// The API version is none of 1.x.
        Version = "ocm.discovery_version", "draft-ietf-ocm-open-cloud-mesh-05, OCM API Discovery, Fields";
        /// There is no resource type.
        ResourceMissing = "ocm.discovery_resource_missing", "draft-ietf-ocm-open-cloud-mesh-05, OCM API Discovery, Fields";
        /// Two resource types have one name.
        ResourceRepeated = "ocm.discovery_resource_repeated", "draft-ietf-ocm-open-cloud-mesh-05, OCM API Discovery, Fields";
        /// A resource type cannot be shared with users.
        ShareTypes = "ocm.discovery_share_types", "draft-ietf-ocm-open-cloud-mesh-05, OCM API Discovery, Fields";
        /// What is said of a protocol has not its form: a path for `webdav`, `absolute` or `relative` for `webdav-receive`, `blank` and
        /// `iframe` for `webapp-receive`.
        Protocol = "ocm.discovery_protocol", "draft-ietf-ocm-open-cloud-mesh-05, OCM API Discovery, Fields";
        /// Files are offered without WebDAV.
        Webdav = "ocm.discovery_webdav", "draft-ietf-ocm-open-cloud-mesh-05, OCM API Discovery, Fields";
        /// The capability `exchange-token` is there without `tokenEndPoint`.
        TokenEndPoint = "ocm.discovery_token_end_point", "draft-ietf-ocm-open-cloud-mesh-05, OCM API Discovery, Fields";
        /// The criterion `must-exchange-token` is there without the capability `exchange-token`.
        Criterion = "ocm.discovery_criterion", "draft-ietf-ocm-open-cloud-mesh-05, OCM API Discovery, Fields";
    }
}

portcullis_types::codes! {
    /// What can be wrong with a signed request, beside `signature.*`.
    pub enum SignedCode {
        /// The body is not JSON or a form as its Content-Type says, repeats a name, or is longer than 256 KiB.
        Body = "ocm.body_malformed", "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification; docs/limits.md";
        /// Neither the body nor the caller says who has to have signed.
        SignerUnknown = "ocm.signer_unknown", "draft-ietf-ocm-open-cloud-mesh-05, Appendix B, Verifying a Signature";
        /// There are no keys of the server that has to have signed.
        SignerKeys = "ocm.signer_keys", "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification, Decision to Discard";
        /// The request speaks for another server than the one that signed or has to sign: the sender is not the origin.
        Sender = "ocm.sender_other", "draft-ietf-ocm-open-cloud-mesh-05, Appendix B, Validating the Payload";
        /// The owner of what is shared is at another server than the sender.
        Owner = "ocm.owner_other", "draft-ietf-ocm-open-cloud-mesh-05, Appendix B, Validating the Payload";
        /// The request is signed as in draft-cavage-http-signatures, as older servers do.
        Legacy = "ocm.signature_legacy", "draft-ietf-ocm-open-cloud-mesh-05, HTTP Message Signatures";
        /// Content-Digest has no SHA-256.
        Digest = "ocm.signature_digest", "draft-ietf-ocm-open-cloud-mesh-05, HTTP Message Signatures, Signing Requirements; docs/ocm.md";
        /// Content-Length is not the length of the body.
        Length = "ocm.signature_length", "draft-ietf-ocm-open-cloud-mesh-05, HTTP Message Signatures, Signing Requirements";
        /// The same signed request came before.
        Replayed = "ocm.signature_replayed", "RFC 9421 section 7.2.2; docs/ocm.md";
        /// A request is to be signed with an algorithm that is not asymmetric, or not in the registry.
        Algorithm = "ocm.signature_algorithm", "draft-ietf-ocm-open-cloud-mesh-05, HTTP Message Signatures, Signing Requirements";
    }
}

portcullis_types::codes! {
    /// What can be wrong with a share, or why it is not taken.
    pub enum ShareCode {
        /// A required member is missing.
        MemberMissing = "ocm.share_member_missing", "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification, Fields";
        /// A member is of the wrong type or empty.
        MemberType = "ocm.share_member_type", "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification, Fields";
        /// `name` has control characters, or is no name of a file.
        Name = "ocm.share_name", "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification, Fields; docs/ocm.md";
        /// `shareType` is none of user, group and federation.
        TypeUnknown = "ocm.share_type_unknown", "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification, Fields";
        /// `protocol` offers no protocol.
        ProtocolMissing = "ocm.share_protocol_missing", "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification, Fields";
        /// `protocol` has a name that is not its protocol's.
        ProtocolForm = "ocm.share_protocol_form", "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification, Fields";
        /// The deprecated `options` have another secret than `webdav`.
        Options = "ocm.share_options", "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification, Fields; docs/ocm.md";
        /// An access type is none of remote and datatx.
        AccessType = "ocm.share_access_type", "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification, Fields";
        /// A `uri` is neither an https URL nor a relative path that stays below.
        Uri = "ocm.share_uri", "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification, Fields";
        /// A `uri` of SSH is not `username@host:port/path`.
        SshUri = "ocm.share_ssh_uri", "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification, Fields";
        /// A `sharedSecret` is no visible ASCII of at most 8 KiB.
        Secret = "ocm.share_secret", "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification, Fields; docs/limits.md";
        /// The `sharedSecret` stands in the `uri`.
        SecretInUri = "ocm.share_secret_in_uri", "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification, Fields";
        /// A permission is none of the protocol's.
        Permission = "ocm.share_permission", "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification, Fields";
        /// `permissions` of a web application is empty.
        PermissionsEmpty = "ocm.share_permissions_empty", "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification, Fields";
        /// A requirement is none of must-exchange-token and must-use-mfa, so that nobody can fulfil it.
        Requirement = "ocm.share_requirement", "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification, Fields; docs/ocm.md";
        /// A web application does not require must-exchange-token.
        WebappExchange = "ocm.share_webapp_exchange", "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification, Fields";
        /// The requirements of two protocols differ.
        RequirementsDisagree = "ocm.share_requirements_disagree", "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification, Fields";
        /// A target is none of blank and iframe.
        Target = "ocm.share_target", "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification, Fields";
        /// `targets` of a web application is empty.
        TargetsEmpty = "ocm.share_targets_empty", "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification, Fields";

        /// `shareWith`, or the owner who is asked for a share, is at another server than this one.
        Recipient = "ocm.share_recipient", "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification, Fields";
        /// The notification is not signed, and the sender has keys or the receiver insists on signatures.
        Unsigned = "ocm.share_unsigned", "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification, Decision to Discard";
        /// The server is on the deny-list.
        Denied = "ocm.peer_denied", "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification, Decision to Discard";
        /// The server is not on the allow-list.
        NotAllowed = "ocm.peer_not_allowed", "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification, Decision to Discard";
        /// The sender is no contact of the receiving party, and only contacts may share.
        NotInvited = "ocm.share_not_invited", "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification, Decision to Discard";
        /// The share has ended.
        Expired = "ocm.share_expired", "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification, Fields; docs/ocm.md";
        /// The receiver does not take resources of this type.
        ResourceUnsupported = "ocm.share_resource_unsupported", "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification, Response";
        /// The receiver does not take shares for such recipients.
        TypeUnsupported = "ocm.share_type_unsupported", "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification, Response";
        /// The receiver can do none of the protocols, or, where a sender asks, not each of them.
        ProtocolUnsupported = "ocm.share_protocol_unsupported", "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification, Decision to Discard";
        /// The `uri` is relative and the sender has no WebDAV path, or the receiver takes the other form.
        RelativeUri = "ocm.share_uri_form", "draft-ietf-ocm-open-cloud-mesh-05, Resource Access, step 4; OCM API Discovery, Fields";
        /// The receiver shows web applications in none of the targets, or, where a sender asks, not in each of them.
        Targets = "ocm.share_targets", "draft-ietf-ocm-open-cloud-mesh-05, Resource Access, step 6";
        /// The receiver insists on must-exchange-token, and the share does not require it.
        CriterionExchange = "ocm.share_criterion_exchange", "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification";
        /// The share requires the exchange of tokens, and the sender does not do it.
        ExchangeSender = "ocm.share_exchange_sender", "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification";
        /// The share requires the exchange of tokens, and the receiver does not do it.
        ExchangeReceiver = "ocm.share_exchange_receiver", "draft-ietf-ocm-open-cloud-mesh-05, Code Flow, Decision Table";
        /// The share requires a second factor, and the receiver does not say that it holds its users to one.
        MfaReceiver = "ocm.share_mfa_receiver", "draft-ietf-ocm-open-cloud-mesh-05, Appendix A";
        /// The receiver refused the share.
        Refused = "ocm.share_refused", "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification, Response";
        /// The answer to a share has no name of the receiving party, or, with SSH, no public key.
        Answer = "ocm.share_answer", "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification, Response";
        /// The share does not grant that it be shared further.
        ReshareNotGranted = "ocm.reshare_not_granted", "draft-ietf-ocm-open-cloud-mesh-05, Resharing";
    }
}

portcullis_types::codes! {
    /// What can be wrong with a notification about a share.
    pub enum NotificationCode {
        /// A required member is missing.
        MemberMissing = "ocm.notification_member_missing", "draft-ietf-ocm-open-cloud-mesh-05, Share Acceptance Notification, Fields";
        /// A member is of the wrong type or empty.
        MemberType = "ocm.notification_member_type", "draft-ietf-ocm-open-cloud-mesh-05, Share Acceptance Notification, Fields";
        /// The `notificationType` is none about a share.
        Type = "ocm.notification_type", "draft-ietf-ocm-open-cloud-mesh-05, Share Acceptance Notification, Fields";
        /// The notification is about another share, or does not know its secret.
        Share = "ocm.notification_share", "draft-ietf-ocm-open-cloud-mesh-05, Share Acceptance Notification, Fields";
        /// The server that signed may not send this notification about this share.
        Party = "ocm.notification_party", "draft-ietf-ocm-open-cloud-mesh-05, Share Acceptance Notification; Appendix B, Validating the Payload";
        /// The share was declined or taken back before.
        State = "ocm.notification_state", "draft-ietf-ocm-open-cloud-mesh-05, Share Deletion; docs/ocm.md";
        /// The change takes a requirement from the share.
        Loosened = "ocm.notification_loosened", "draft-ietf-ocm-open-cloud-mesh-05, Share Updating; docs/ocm.md";
    }
}

portcullis_types::codes! {
    /// What can be wrong with the exchange of a secret for a token.
    pub enum TokenCode {
        /// The token request is not a posted form with `grant_type`, `client_id` and `code`.
        Form = "ocm.token_form", "draft-ietf-ocm-open-cloud-mesh-05, Code Flow, Token Request";
        /// The `grant_type` is not `authorization_code`.
        GrantType = "ocm.token_grant_type", "draft-ietf-ocm-open-cloud-mesh-05, Code Flow, Token Request";
        /// The `client_id` is not the server that signed, or not the one that got the share.
        Client = "ocm.token_client", "draft-ietf-ocm-open-cloud-mesh-05, Code Flow, Token Request";
        /// The `code` is no secret of the share.
        Code = "ocm.token_code", "draft-ietf-ocm-open-cloud-mesh-05, Code Flow, Token Response";
        /// The share was declined or taken back, or has ended.
        ShareEnded = "ocm.token_share_ended", "draft-ietf-ocm-open-cloud-mesh-05, Share Deletion";
        /// The sender refused the exchange.
        Refused = "ocm.token_refused", "draft-ietf-ocm-open-cloud-mesh-05, Code Flow, Error Responses";
        /// The answer has no bearer token that lasts for some seconds.
        Answer = "ocm.token_answer", "draft-ietf-ocm-open-cloud-mesh-05, Code Flow, Token Response";
    }
}

portcullis_types::codes! {
    /// Why a shared resource is not opened.
    pub enum AccessCode {
        /// The share was declined or taken back, or has ended.
        ShareEnded = "ocm.access_share_ended", "draft-ietf-ocm-open-cloud-mesh-05, Share Deletion; Share Creation Notification, Fields";
        /// The share has no such protocol with a secret.
        Protocol = "ocm.access_protocol", "draft-ietf-ocm-open-cloud-mesh-05, Resource Access";
        /// The share requires a second factor, and the user has given none.
        Mfa = "ocm.access_mfa", "draft-ietf-ocm-open-cloud-mesh-05, Resource Access, step 3.2; Appendix A";
        /// The sender refused the exchange that the share requires. The secret itself is not used then.
        ExchangeRefused = "ocm.access_exchange_refused", "draft-ietf-ocm-open-cloud-mesh-05, Resource Access, step 3.1";
        /// The request has not one Authorization with a bearer token.
        Credential = "ocm.access_credential", "draft-ietf-ocm-open-cloud-mesh-05, Resource Access, step 4";
        /// The credential is neither a token for this share nor its secret.
        Unknown = "ocm.access_unknown", "draft-ietf-ocm-open-cloud-mesh-05, Resource Access, step 4";
        /// The token was exchanged for the secret of another protocol.
        TokenProtocol = "ocm.access_token_protocol", "draft-ietf-ocm-open-cloud-mesh-05, Resource Access, steps 4 and 6; docs/ocm.md";
        /// The token has ended.
        TokenExpired = "ocm.access_token_expired", "draft-ietf-ocm-open-cloud-mesh-05, Code Flow, Token Response";
        /// The shared secret was presented where only a token that was exchanged for it opens the resource.
        SecretAfterExchange = "ocm.access_secret_after_exchange", "draft-ietf-ocm-open-cloud-mesh-05, Resource Access, step 3.1";
        /// The share does not grant what the request does.
        Permission = "ocm.access_permission", "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification, Fields";
    }
}
