use tempfile::TempDir;

use super::*;
use crate::GoDuration;

fn project(config: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("supabase")).unwrap();
    std::fs::write(dir.path().join("supabase/config.toml"), config).unwrap();
    dir
}

fn loaded(config: &str, env: &[(&str, &str)]) -> Loaded {
    load(project(config).path(), &Env::from_iter(env.iter().copied())).unwrap()
}

fn refused(config: &str) -> String {
    let dir = project(config);
    let error = load(dir.path(), &Env::default()).unwrap_err().to_string();
    error.replace(&*dir.path().to_string_lossy(), "DIR")
}

#[test]
fn an_empty_file_means_the_defaults_of_the_cli() {
    let c = loaded("project_id = 'p'", &[]).config;
    assert_eq!((c.api.port, c.db.port, c.studio.port, c.local_smtp.port), (54321, 54322, 54323, 54324));
    assert_eq!(c.api.schemas, ["public", "graphql_public"]);
    assert_eq!(c.api.external_url, "http://127.0.0.1:54321");
    assert_eq!(c.auth.jwt_issuer, "http://127.0.0.1:54321/auth/v1");
    assert_eq!(c.auth.additional_redirect_urls, ["https://127.0.0.1:3000"]);
    assert_eq!((c.auth.jwt_expiry, c.auth.refresh_token_reuse_interval, c.auth.minimum_password_length), (3600, 10, 6));
    assert_eq!(c.storage.file_size_limit, Bytes::mib(50));
    assert_eq!(c.auth.email.max_frequency, GoDuration::from_secs(1));
    assert!(c.auth.email.enabled && !c.auth.sms.enabled && c.db.seed.enabled && c.api.exposes_new_tables());
}

#[test]
fn values_of_all_kinds_are_read() {
    let c = loaded(
        r#"
        [api]
        port = 6000
        max_rows = "env(ROWS)"
        [auth]
        enable_signup = "env(SIGNUP)"
        additional_redirect_urls = "env(URLS)"
        [auth.email]
        max_frequency = "1m30s"
        [auth.email.smtp]
        host = "smtp.example.com"
        pass = "env(PASS)"
        [auth.sms.test_otp]
        14152127777 = "123456"
        [auth.external.github]
        enabled = true
        client_id = "abc"
        secret = "env(PASS)"
        [storage]
        file_size_limit = "5MB"
        [storage.buckets.images]
        public = true
        allowed_mime_types = ["image/png"]
        objects_path = "./images"
        [functions.hello]
        verify_jwt = false
        "#,
        &[("ROWS", "7"), ("SIGNUP", "false"), ("URLS", "http://a, http://b"), ("PASS", "s3cret")],
    );
    assert!(c.warnings.is_empty(), "{:?}", c.warnings);
    let (c, paths) = (c.config, c.paths);
    assert_eq!((c.api.port, c.api.max_rows, c.auth.enable_signup), (6000, 7, false));
    assert_eq!(c.auth.additional_redirect_urls, ["http://a", "http://b"]);
    assert_eq!(c.auth.email.max_frequency, GoDuration::from_secs(90));
    let smtp = c.auth.email.smtp.unwrap();
    assert!(smtp.enabled, "a table that is there is on");
    assert_eq!(smtp.pass.unwrap().expose(), "s3cret");
    assert_eq!(c.auth.sms.test_otp["14152127777"], "123456");
    assert_eq!(c.auth.external["github"].secret.as_ref().unwrap().expose(), "s3cret");
    let bucket = &c.storage.buckets["images"];
    assert_eq!(bucket.file_size_limit, Some(Bytes(5 * 1024 * 1024)), "a bucket takes the limit of storage");
    assert_eq!(Path::new(&bucket.objects_path), paths.supabase.join("images"));
    assert!(!c.functions["hello"].verify_jwt && c.functions["hello"].enabled);
}

#[test]
fn unknown_keys_are_named_and_not_refused() {
    let found = loaded("[api]\nprot = 1\n[auth.email]\nsomething_new = true\n[brand_new]\nx = 1\n", &[]).warnings;
    let said: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "config.toml:2: unknown key api.prot is ignored (did you mean port?)",
            "config.toml:4: unknown key auth.email.something_new is ignored",
            "config.toml:5: unknown key brand_new is ignored",
        ]
    );
}

#[test]
fn a_missing_variable_leaves_the_default_and_a_warning() {
    let found = loaded("[auth]\nsite_url = \"env(SITE)\"\nsecret_key = 'env(NONE)'\n", &[]);
    assert_eq!(found.config.auth.site_url, "http://127.0.0.1:3000");
    assert_eq!(found.config.auth.secret_key, None);
    assert_eq!(found.warnings.len(), 2);
    assert!(
        found.warnings.iter().any(|w| w.to_string().contains("auth.site_url: environment variable SITE is not set"))
    );
    let off = loaded("[auth.external.apple]\nenabled = false\nsecret = \"env(APPLE)\"\n", &[]);
    assert!(off.warnings.is_empty(), "nobody misses the secret of a provider that is off: {:?}", off.warnings);
}

#[test]
fn variables_override_keys() {
    let c = loaded(
        "[auth]\nsite_url = 'http://file'\n",
        &[("SUPABASE_AUTH_SITE_URL", "http://env"), ("SUPABASE_API_PORT", "9")],
    )
    .config;
    assert_eq!((c.auth.site_url.as_str(), c.api.port), ("http://env", 9));
}

#[test]
fn older_names_mean_the_same() {
    let found = loaded(
        "[inbucket]\nport = 9\n[auth.email]\nenable_signup = false\n[experimental]\norioledb_version = ''\n",
        &[],
    );
    assert!(found.warnings.is_empty(), "{:?}", found.warnings);
    assert_eq!(found.config.local_smtp.port, 9);
    assert!(!found.config.auth.email.enabled);
    assert!(loaded("[auth.email]\nenable_signup = false\nenabled = true", &[]).config.auth.email.enabled);
}

#[test]
fn a_remote_is_laid_upon_the_rest_when_named() {
    let dir = project(
        "[auth]\nsite_url='a'\njwt_expiry=60\n[remotes.staging]\nproject_id='x'\n[remotes.staging.auth]\nsite_url='b'\n",
    );
    let base = load(dir.path(), &Env::default()).unwrap();
    assert_eq!((base.config.auth.site_url.as_str(), base.remotes), ("a", vec!["staging".to_owned()]));
    assert!(base.warnings.is_empty());
    let staging = load_remote(dir.path(), &Env::default(), "staging").unwrap().config;
    assert_eq!((staging.auth.site_url.as_str(), staging.auth.jwt_expiry, staging.db.seed.enabled), ("b", 60, false));
    let error = load_remote(dir.path(), &Env::default(), "prod").unwrap_err().to_string();
    assert_eq!(error, "config.toml has no [remotes.prod]; it has: staging");
}

#[test]
fn broken_toml_is_shown_with_its_line() {
    let error = refused("project_id = 'p'\n[api]\nport = = 5\n");
    assert!(error.starts_with("DIR/supabase/config.toml:3:8: "), "{error}");
    assert!(error.ends_with("3 | port = = 5"), "{error}");
    assert!(refused("[api").contains("config.toml:1:"));
}

#[test]
fn a_value_that_does_not_fit_names_key_and_line() {
    assert_eq!(
        refused("\n[api]\nport = 70000"),
        "DIR/supabase/config.toml:3: api.port: expected a whole number from 0 to 65535, found \"70000\""
    );
    assert!(
        refused("[auth.email]\nmax_frequency = 'soon'")
            .contains(":2: auth.email.max_frequency: \"soon\" is not a duration")
    );
    assert!(refused("[auth]\npassword_requirements = 'strong'").contains("is not one of: \"\", \"letters_digits\""));
    assert!(refused("[db]\nport = 0").contains(":2: db.port: a port"));
    assert!(refused("api = 3").contains(":1: api: expected a table"));
    assert!(refused("[auth]\njwt_secret = 'short'").contains("auth.jwt_secret: 32 characters at least"));
}

#[test]
fn a_folder_without_config_says_what_to_run() {
    let dir = tempfile::tempdir().unwrap();
    let error = load(dir.path(), &Env::default()).unwrap_err().to_string();
    assert!(error.contains("run `basalt init`"), "{error}");
    assert_eq!(find_project(dir.path()), None);
    let project = project("");
    let below = project.path().join("supabase/functions");
    std::fs::create_dir(&below).unwrap();
    assert_eq!(find_project(&below).unwrap(), project.path());
}

#[test]
fn texts_of_templates_are_read() {
    let dir = project(
        "[auth.email.template.invite]\nsubject='Hi'\ncontent_path='./supabase/templates/invite.html'\n[auth.email.template.recovery]\ncontent_path='gone.html'",
    );
    std::fs::create_dir(dir.path().join("supabase/templates")).unwrap();
    std::fs::write(dir.path().join("supabase/templates/invite.html"), "<b>hi</b>").unwrap();
    let found = load(dir.path(), &Env::default()).unwrap();
    assert_eq!(found.config.auth.email.template["invite"].content.as_deref(), Some("<b>hi</b>"));
    assert!(found.warnings[0].to_string().contains("auth.email.template.recovery.content_path"));
}

#[test]
fn no_secret_is_printed() {
    let c = loaded(
        "[auth]\njwt_secret='0123456789abcdef0123456789abcdef'\n[db.vault]\nkey='hush-hush'\n[edge_runtime.secrets]\nA='hush-hush'",
        &[],
    )
    .config;
    let printed = format!("{c:?}");
    assert!(!printed.contains("hush") && !printed.contains("0123456789"), "{printed}");
}

#[test]
fn what_init_writes_loads_without_a_word() {
    let found = loaded(&crate::init_toml("my-app"), &[]);
    assert!(found.warnings.is_empty(), "{:?}", found.warnings);
    assert_eq!(found.config.project_id, "my-app");
    let mut expected = ProjectConfig { project_id: "my-app".to_owned(), ..ProjectConfig::default() };
    finish(&mut expected, &found.paths, &mut Vec::new());
    assert_eq!(found.config, expected, "the file repeats the defaults");
}

proptest::proptest! {
    #[test]
    fn any_file_loads_or_is_refused(text in "(\\[|\\]|=|\"|'|\\.|\n|api|auth|port|email|env\\(A\\)|1|true|é| ){0,40}") {
        let dir = project(&text);
        let _ = load(dir.path(), &Env::default());
    }
}

#[test]
fn an_id_of_which_nothing_is_left_is_the_folders_name() {
    let outer = tempfile::tempdir().unwrap();
    let named = |folder: &str, id: &str| {
        let dir = outer.path().join(folder);
        std::fs::create_dir_all(dir.join("supabase")).unwrap();
        std::fs::write(dir.join("supabase/config.toml"), format!("project_id = {id:?}")).unwrap();
        let found = load(&dir, &Env::default()).unwrap();
        (found.config.project_id, found.warnings.iter().map(ToString::to_string).collect::<String>())
    };
    let (id, warning) = named("my-shop", "!!!");
    assert_eq!(id, "my-shop");
    assert!(warning.contains("\"!!!\"") && warning.contains("my-shop"), "{warning}");
    assert_eq!(named("商店", "!!!").0, "project");
    assert_eq!(named("other", "a b").0, "a_b");
}
