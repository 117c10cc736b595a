//! The providers that are known by name.

mod apple;
mod azure;
mod bitbucket;
mod discord;
mod facebook;
mod figma;
mod fly;
mod github;
mod gitlab;
mod google;
mod kakao;
mod keycloak;
mod linkedin;
mod notion;
mod slack;
mod snapchat;
mod spotify;
mod twitch;
mod vercel;
mod workos;
mod x;
mod zoom;

use serde_json::Value;

use super::profile::Profile;

/// How a provider is spoken to. `{url}` in an address is the `url` of the settings, or else `base`.
pub(super) struct Preset {
    /// As in `?provider=` and `[auth.external.<name>]`.
    pub name: &'static str,
    /// Where it is, unless the settings say otherwise; empty where they must.
    pub base: &'static str,
    pub protocol: Protocol,
    /// Always asked for.
    pub scopes: &'static [&'static str],
    /// Between scopes.
    pub separator: char,
    /// Further parameters of the authorization request.
    pub parameters: &'static [(&'static str, &'static str)],
    /// The provider insists on PKCE.
    pub pkce: bool,
    /// The secret goes into the `Authorization` header, not into the form.
    pub basic_auth: bool,
    /// May applications bring ID tokens of it (`grant_type=id_token`)?
    pub id_tokens: bool,
    /// Reads what it says of a user.
    pub read: fn(&Value) -> Profile,
}

/// The two kinds.
pub(super) enum Protocol {
    /// Everything is found by discovery at the issuer; the user is read from the ID token.
    Oidc {
        /// The issuer.
        issuer: &'static str,
        /// Other spellings of the issuer in tokens.
        also: &'static [&'static str],
    },
    /// Three addresses; the user is read from the last.
    OAuth {
        authorize: &'static str,
        token: &'static str,
        userinfo: &'static str,
        /// Where addresses are listed, if not in `userinfo`; added to it as `emails`.
        emails: &'static str,
    },
}

/// What most are like.
const OAUTH: Preset = Preset {
    name: "",
    base: "",
    protocol: Protocol::OAuth { authorize: "", token: "", userinfo: "", emails: "" },
    scopes: &[],
    separator: ' ',
    parameters: &[],
    pkce: false,
    basic_auth: false,
    id_tokens: false,
    read: Profile::from_oidc,
};

/// All of them.
pub(super) const ALL: &[Preset] = &[
    apple::PRESET,
    azure::PRESET,
    bitbucket::PRESET,
    discord::PRESET,
    facebook::PRESET,
    figma::PRESET,
    fly::PRESET,
    github::PRESET,
    gitlab::PRESET,
    google::PRESET,
    kakao::PRESET,
    keycloak::PRESET,
    linkedin::PRESET,
    notion::PRESET,
    slack::PRESET,
    snapchat::PRESET,
    spotify::PRESET,
    twitch::PRESET,
    vercel::PRESET,
    workos::PRESET,
    x::PRESET,
    x::TWITTER,
    zoom::PRESET,
];

/// Apple's name of the user, which comes beside the first code.
pub(super) fn apple_name(user: &str) -> Option<String> {
    apple::name_of(user)
}
