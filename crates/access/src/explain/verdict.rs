//! From grants and policies to yes or no. Pure.

use super::answer::{Action, Applies, Condition, Grants, PolicyAnswer, Security, Truth, Verdict};

/// PostgreSQL's rules ("Row Security Policies", and the table under CREATE POLICY): a privilege first; then one permissive policy must be
/// true and every restrictive one. Changing or deleting a row that a WHERE looks for needs the policies for SELECT as well.
pub(super) fn verdict(
    action: Action,
    role: &str,
    exists: bool,
    grants: &Grants,
    security: Security,
    policies: &[PolicyAnswer],
) -> Verdict {
    let no =
        |policy: Option<&str>, because: String| Verdict { allowed: false, policy: policy.map(str::to_owned), because };
    let yes =
        |policy: Option<&str>, because: String| Verdict { allowed: true, policy: policy.map(str::to_owned), because };
    if !exists {
        return no(None, "the row does not exist".to_owned());
    }
    if !grants.schema {
        return no(None, format!("{role} may not use the schema (GRANT USAGE is missing)"));
    }
    if !grants.whole && grants.columns.is_empty() {
        return no(None, format!("{role} has no {} privilege on the table: no policy is even asked", action.word()));
    }
    match security {
        Security::Off => return yes(None, "row-level security is off: whoever has the grant has every row".to_owned()),
        Security::Bypassed => return yes(None, format!("row-level security does not bind {role}")),
        Security::ViewOfOwner => {
            return yes(None, "a view with its owner's rights: no policy of the caller is asked".to_owned());
        }
        Security::ViewOfInvoker => return yes(None, "the tables below the view decide; ask about those".to_owned()),
        Security::On => {}
    }
    let mut admitted = None;
    let stages: &[(Applies, bool)] = match action {
        Action::Select => &[(Applies::Yes, false)],
        Action::Insert => &[(Applies::Yes, true)],
        Action::Delete => &[(Applies::ToSee, false), (Applies::Yes, false)],
        Action::Update => &[(Applies::ToSee, false), (Applies::Yes, false), (Applies::Yes, true)],
    };
    for (applies, new_row) in stages {
        match stage(policies, applies, *new_row) {
            Ok(name) => admitted = Some(name),
            Err((policy, because)) => {
                let what = match (applies, new_row) {
                    (Applies::ToSee, _) => "the row cannot be seen, so it is not found: ",
                    (_, true) => "the row may not be like this: ",
                    _ => "",
                };
                return no(policy.as_deref(), format!("{what}{because}"));
            }
        }
    }
    let name = admitted.unwrap_or_default();
    let columns = match grants.whole {
        true => String::new(),
        false => format!(", in the columns {}", grants.columns.join(", ")),
    };
    yes(Some(&name), format!("policy \"{name}\" lets it through{columns}"))
}

/// One permissive, all restrictive. The name of the permissive one, or who stopped it and why.
fn stage(policies: &[PolicyAnswer], applies: &Applies, new_row: bool) -> Result<String, (Option<String>, String)> {
    // A policy for all commands is in both stages under the mark of its own action; for seeing its USING counts.
    let here = |policy: &&PolicyAnswer| match applies {
        Applies::ToSee => {
            policy.applies == Applies::ToSee || (policy.command == "all" && policy.applies == Applies::Yes)
        }
        _ => policy.applies == *applies,
    };
    let condition = |policy: &PolicyAnswer| {
        let found = if new_row { policy.check.as_ref().or(policy.using.as_ref()) } else { policy.using.as_ref() };
        found.cloned()
    };
    let truth = |policy: &PolicyAnswer| condition(policy).map_or(Truth::True, |found| found.truth);
    let all: Vec<&PolicyAnswer> = policies.iter().filter(here).collect();
    for policy in &all {
        if let Truth::Fails(message) = truth(policy) {
            return Err((Some(policy.name.clone()), format!("policy \"{}\" fails: {message}", policy.name)));
        }
    }
    let permissive: Vec<&&PolicyAnswer> = all.iter().filter(|policy| policy.permissive).collect();
    if permissive.is_empty() {
        return Err((None, "no permissive policy applies, and without one nobody is let in".to_owned()));
    }
    for policy in all.iter().filter(|policy| !policy.permissive) {
        if truth(policy) != Truth::True {
            return Err((
                Some(policy.name.clone()),
                format!("restrictive policy \"{}\" stops it{}", policy.name, why(condition(policy).as_ref())),
            ));
        }
    }
    match permissive.iter().find(|policy| truth(policy) == Truth::True) {
        Some(policy) => Ok(policy.name.clone()),
        None => match permissive.as_slice() {
            [only] => Err((
                Some(only.name.clone()),
                format!("policy \"{}\" does not let it through{}", only.name, why(condition(only).as_ref())),
            )),
            many => {
                let names: Vec<String> = many.iter().map(|policy| format!("\"{}\"", policy.name)).collect();
                Err((None, format!("none of the policies {} lets it through", names.join(", "))))
            }
        },
    }
}

/// The first part that is not true.
fn why(condition: Option<&Condition>) -> String {
    let Some(mut found) = condition else { return String::new() };
    while found.joined_by == "and"
        && let Some(part) = found.parts.iter().find(|part| part.truth != Truth::True)
    {
        found = part;
    }
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    if found.joined_by == "or" {
        let parts: Vec<String> = found.parts.iter().map(|part| plain(&part.text)).collect();
        return format!(": true is neither {}", parts.join(" nor "));
    }
    let word = if found.truth == Truth::Null { "null" } else { "false" };
    format!(": {word} is {}", plain(&found.text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(name: &str, permissive: bool, command: &str, applies: Applies, using: Truth) -> PolicyAnswer {
        let condition = Condition { text: name.to_owned(), truth: using, joined_by: "", parts: Vec::new() };
        PolicyAnswer {
            name: name.to_owned(),
            permissive,
            command: command.to_owned(),
            applies,
            using: Some(condition),
            check: None,
        }
    }

    const GRANTED: Grants = Grants { schema: true, whole: true, columns: Vec::new() };

    fn decide(action: Action, policies: &[PolicyAnswer]) -> (bool, String) {
        let verdict = verdict(action, "authenticated", true, &GRANTED, Security::On, policies);
        (verdict.allowed, verdict.because)
    }

    #[test]
    fn one_permissive_policy_is_enough_and_none_is_not() {
        let own = policy("own", true, "select", Applies::Yes, Truth::False);
        let public = policy("public", true, "select", Applies::Yes, Truth::True);
        assert_eq!(decide(Action::Select, &[own.clone(), public]), (true, "policy \"public\" lets it through".into()));
        assert!(decide(Action::Select, &[own]).1.contains("does not let it through"));
        assert!(decide(Action::Select, &[]).1.contains("no permissive policy"));
    }

    #[test]
    fn null_lets_nobody_in_and_restrictive_policies_must_all_agree() {
        let null = policy("null", true, "select", Applies::Yes, Truth::Null);
        assert!(!decide(Action::Select, &[null]).0);
        let open = policy("open", true, "all", Applies::Yes, Truth::True);
        let strict = policy("strict", false, "select", Applies::Yes, Truth::False);
        let (allowed, because) = decide(Action::Select, &[open, strict]);
        assert!(!allowed && because.contains("restrictive policy \"strict\""), "{because}");
    }

    #[test]
    fn what_cannot_be_seen_cannot_be_changed() {
        let see = policy("see", true, "select", Applies::ToSee, Truth::False);
        let change = policy("change", true, "update", Applies::Yes, Truth::True);
        let (allowed, because) = decide(Action::Update, &[see, change]);
        assert!(!allowed && because.contains("cannot be seen"), "{because}");
        let all = policy("all", true, "all", Applies::Yes, Truth::True);
        assert!(decide(Action::Update, &[all]).0);
    }

    #[test]
    fn without_a_grant_no_policy_is_asked() {
        let none = Grants { schema: true, whole: false, columns: Vec::new() };
        let open = policy("open", true, "all", Applies::Yes, Truth::True);
        let verdict = verdict(Action::Select, "anon", true, &none, Security::On, &[open]);
        assert!(!verdict.allowed && verdict.because.contains("no select privilege"), "{}", verdict.because);
    }
}
