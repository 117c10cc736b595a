use base::Secret;

use crate::setting::section;

section! {
    /// Sign-in by another provider.
    pub struct ExternalProvider {
        /// Offer it.
        enabled: bool,
        /// Client id; several, separated by commas, where the provider allows it.
        client_id: String,
        /// Client secret.
        secret: Option<Secret>,
        /// Base URL of a provider that is hosted by others (GitLab, Keycloak, Azure tenant, …).
        url: String,
        /// Callback; empty: `/callback` of auth.
        redirect_uri: String,
        /// Accept ID tokens without a nonce.
        skip_nonce_check: bool,
        /// Accept users without an e-mail.
        email_optional: bool,
    }
}

section! {
    /// Sign-in by wallets.
    pub struct Web3 {
        /// Solana.
        solana: Web3Chain,
        /// Ethereum.
        ethereum: Web3Chain,
    }
}

section! {
    /// Sign-in by the wallets of a chain.
    pub struct Web3Chain {
        /// Offer it.
        enabled: bool,
    }
}

section! {
    /// Tokens of other issuers that the API accepts.
    pub struct ThirdParty {
        /// Firebase Auth.
        firebase: Firebase,
        /// Auth0.
        auth0: AuthZero,
        /// AWS Cognito.
        aws_cognito: AwsCognito,
        /// Clerk.
        clerk: Clerk,
        /// WorkOS.
        workos: WorkOs,
    }
}

section! {
    /// Firebase Auth.
    pub struct Firebase {
        /// Accept its tokens.
        enabled: bool,
        /// Project.
        project_id: String,
    }
}

section! {
    /// Auth0.
    pub struct AuthZero {
        /// Accept its tokens.
        enabled: bool,
        /// Tenant.
        tenant: String,
        /// Region of the tenant.
        tenant_region: String,
    }
}

section! {
    /// AWS Cognito.
    pub struct AwsCognito {
        /// Accept its tokens.
        enabled: bool,
        /// User pool.
        user_pool_id: String,
        /// Region of the pool.
        user_pool_region: String,
    }
}

section! {
    /// Clerk.
    pub struct Clerk {
        /// Accept its tokens.
        enabled: bool,
        /// Domain.
        domain: String,
    }
}

section! {
    /// WorkOS.
    pub struct WorkOs {
        /// Accept its tokens.
        enabled: bool,
        /// Issuer.
        issuer_url: String,
    }
}
