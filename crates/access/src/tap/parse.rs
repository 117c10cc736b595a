//! The Test Anything Protocol, version 12, as pgTAP writes it (testanything.org/tap-specification.html).

/// What the output of one file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The number of tests in `1..N`; `None` where there was no such line.
    pub planned: Option<u64>,
    /// Why the whole file was skipped (`1..0 # SKIP reason`).
    pub skipped: Option<String>,
    /// In the order in which they ran.
    pub tests: Vec<Test>,
    /// The reason after `Bail out!`.
    pub bailed_out: Option<String>,
    /// Why the file ended before its end: what PostgreSQL said, and where.
    pub died: Option<String>,
    /// Two plans, numbers out of order.
    pub faults: Vec<String>,
    /// Lines of the output that belong to no test, `# ` left out.
    pub remarks: Vec<String>,
}

/// One `ok` or `not ok`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// Its number; those without one are counted.
    pub number: u64,
    /// `ok`?
    pub ok: bool,
    /// What was tested.
    pub name: String,
    /// `# SKIP` or `# TODO`.
    pub directive: Option<Directive>,
    /// The lines that follow it, `# ` left out.
    pub remarks: Vec<String>,
}

/// What a test says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Directive {
    /// Not run, for this reason.
    Skip(String),
    /// Expected to fail, for this reason.
    Todo(String),
}

impl Test {
    /// Does it count as a failure? One that is to do does not.
    pub fn failed(&self) -> bool {
        !self.ok && !matches!(self.directive, Some(Directive::Todo(_)))
    }
}

impl Outcome {
    /// Reads the lines of an output.
    pub fn parse<'l>(lines: impl IntoIterator<Item = &'l str>) -> Self {
        let mut outcome = Self::default();
        for line in lines {
            outcome.line(line);
        }
        outcome
    }

    /// Takes the next line.
    pub fn line(&mut self, line: &str) {
        if self.bailed_out.is_some() {
            return;
        }
        let line = line.trim_end();
        if let Some(reason) = line.strip_prefix("Bail out!") {
            self.bailed_out = Some(reason.trim().to_owned());
        } else if let Some(remark) = line.strip_prefix('#') {
            self.remark(remark.strip_prefix(' ').unwrap_or(remark));
        } else if let Some(rest) = keyword(line, "ok") {
            self.test(true, rest);
        } else if let Some(rest) = keyword(line, "not ok") {
            self.test(false, rest);
        } else if let Some(rest) = line.strip_prefix("1..") {
            self.plan(rest);
        }
        // Anything else, such as an indented subtest or the result of a SELECT, says nothing.
    }

    /// Nothing is wrong with it.
    pub fn passed(&self) -> bool {
        self.problems().is_empty() && self.tests.iter().all(|test| !test.failed())
    }

    /// How many failed.
    pub fn failures(&self) -> usize {
        self.tests.iter().filter(|test| test.failed()).count()
    }

    /// All that is wrong but failed tests.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = self.faults.clone();
        let ran = self.tests.len() as u64;
        if let Some(reason) = &self.died {
            problems.push(reason.clone());
        }
        if let Some(reason) = &self.bailed_out {
            problems.push(format!("Bailed out: {reason}"));
        }
        match self.planned {
            // Whoever died or bailed out could not keep the plan; it is said already.
            _ if self.died.is_some() || self.bailed_out.is_some() => {}
            None => problems.push("No plan found in TAP output".to_owned()),
            Some(planned) if planned != ran => {
                problems.push(format!("Bad plan.  You planned {planned} tests but ran {ran}."));
            }
            Some(0) if self.skipped.is_none() => problems.push("No tests run".to_owned()),
            Some(_) => {}
        }
        problems
    }

    fn remark(&mut self, remark: &str) {
        match self.tests.last_mut() {
            Some(test) => test.remarks.push(remark.to_owned()),
            None => self.remarks.push(remark.to_owned()),
        }
    }

    fn plan(&mut self, rest: &str) {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let Ok(count) = rest[..digits].parse() else { return };
        if self.planned.is_some() {
            self.faults.push("More than one plan found in TAP output".to_owned());
            return;
        }
        self.planned = Some(count);
        if count == 0 {
            let reason = rest[digits..].trim().trim_start_matches('#').trim();
            let word = reason.get(..4).filter(|word| word.eq_ignore_ascii_case("skip"));
            self.skipped = word.map(|word| reason[word.len()..].trim().to_owned());
        }
    }

    fn test(&mut self, ok: bool, rest: &str) {
        let next = self.tests.len() as u64 + 1;
        let rest = rest.trim_start();
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, rest) = match rest[..digits].parse() {
            Ok(number) => (number, &rest[digits..]),
            Err(_) => (next, rest),
        };
        if number != next {
            self.faults.push(format!("Tests out of sequence.  Found ({number}) but expected ({next})"));
        }
        let (name, directive) = directive(rest);
        let name = name.trim().trim_start_matches('-').trim().replace("\\#", "#");
        self.tests.push(Test { number, ok, name, directive, remarks: Vec::new() });
    }
}

/// What follows `word`, if the line starts with it as a word.
fn keyword<'l>(line: &'l str, word: &str) -> Option<&'l str> {
    line.strip_prefix(word).filter(|rest| rest.is_empty() || rest.starts_with(|c: char| c.is_whitespace()))
}

/// Cuts `# SKIP why` or `# TODO why` off; `\#` is no start of one.
fn directive(rest: &str) -> (&str, Option<Directive>) {
    for (at, _) in rest.match_indices('#').filter(|(at, _)| !rest[..*at].ends_with('\\')) {
        let words = rest[at + 1..].trim_start();
        let Some(word) = words.get(..4) else { continue };
        // `# SKIPPED` is a skip too, by the specification.
        let reason = words[4..].trim_start_matches(|c: char| c.is_alphabetic()).trim().to_owned();
        if word.eq_ignore_ascii_case("skip") {
            return (&rest[..at], Some(Directive::Skip(reason)));
        }
        if word.eq_ignore_ascii_case("todo") {
            return (&rest[..at], Some(Directive::Todo(reason)));
        }
    }
    (rest, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Outcome {
        Outcome::parse(text.lines())
    }

    #[test]
    fn a_good_run_passes() {
        let outcome = read("1..2\nok 1 - first\nok 2 - second # really");
        assert!(outcome.passed(), "{outcome:?}");
        assert_eq!(outcome.tests[1].name, "second # really");
        // pgTAP's no_plan() tells the plan at the end.
        assert!(read("ok 1\nok 2\n1..2").passed());
    }

    #[test]
    fn a_failure_keeps_what_is_said_about_it() {
        let outcome =
            read("1..2\nok 1 - a\nnot ok 2 - b\n# Failed test 2: \"b\"\n#         have: 1\n#         want: 2");
        assert!(!outcome.passed());
        assert_eq!(outcome.failures(), 1);
        assert_eq!(outcome.tests[1].remarks, ["Failed test 2: \"b\"", "        have: 1", "        want: 2"]);
        assert!(outcome.problems().is_empty());
    }

    #[test]
    fn to_do_and_skip_are_no_failures() {
        let outcome = read("1..3\nnot ok 1 - a # TODO later\nok 2 - b # SKIP no network\nok 3 \\# 3 # skipped: why");
        assert!(outcome.passed(), "{outcome:?}");
        assert_eq!(outcome.tests[0].directive, Some(Directive::Todo("later".to_owned())));
        assert_eq!(outcome.tests[1].directive, Some(Directive::Skip("no network".to_owned())));
        assert!(matches!(outcome.tests[2].directive, Some(Directive::Skip(_))));
        let all = read("1..0 # SKIP needs PostGIS");
        assert!(all.passed());
        assert_eq!(all.skipped.as_deref(), Some("needs PostGIS"));
    }

    #[test]
    fn a_plan_that_is_not_kept_fails() {
        let check = |text: &str, expected: &str| assert_eq!(read(text).problems(), [expected], "{text}");
        check("1..3\nok 1\nok 2", "Bad plan.  You planned 3 tests but ran 2.");
        check("1..1\nok 1\nok 2", "Bad plan.  You planned 1 tests but ran 2.");
        check("ok 1", "No plan found in TAP output");
        check("", "No plan found in TAP output");
        check("1..0", "No tests run");
        check("1..2\nok 1\nok 3", "Tests out of sequence.  Found (3) but expected (2)");
        check("1..1\n1..1\nok 1", "More than one plan found in TAP output");
    }

    #[test]
    fn after_a_bail_out_nothing_counts() {
        let outcome = read("1..3\nok 1\nBail out! no database\nok 2\nok 3");
        assert_eq!(outcome.problems(), ["Bailed out: no database"]);
        assert_eq!(outcome.tests.len(), 1);
    }

    #[test]
    fn other_lines_say_nothing() {
        let outcome = read("# begin\n1..1\n    ok 1 - subtest\n    1..1\nokay then\n42\nok 1 - real\n");
        assert!(outcome.passed(), "{outcome:?}");
        assert_eq!(outcome.remarks, ["begin"]);
    }
}
