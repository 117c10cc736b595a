//! Rows of `auth.users` with what belongs to them, so that the people can sign in.

use super::day::{DAY, timestamp};
use super::fill::Filler;
use super::lifelike::{Subject, slug};
use super::plan::FilledTable;
use super::random::Random;
use super::rules::Cell;
use crate::Error;
use crate::schema::Relation;

/// bcrypt, cost 10, of `password`.
const PASSWORD: &str = "$2a$10$basaltbasaltbasaltbasOrlzSEx5eOJrInzd1FjYvqb8K6dfTOBO";
/// Users of one batch.
const BATCH: usize = 500;

/// Makes `count` users with an e-mail address at example.com, confirmed, and the password `password`.
pub async fn create(filler: &mut Filler<'_, '_>, users: &Relation, count: usize) -> Result<FilledTable, Error> {
    let mut done = FilledTable::new(users, count as u64);
    let client = filler.insert.client;
    let before: i64 = client.query_one("select count(*) from auth.users", &[]).await?.get(0);
    let mut random = Random::new(filler.seed, &format!("auth.users#{before}"));
    let identities = filler.schema.relation("auth", "identities");
    let mut refusals = 0;
    let mut next = before;
    while done.rows < count as u64 && refusals < 10 {
        let size = BATCH.min(count - usize::try_from(done.rows).unwrap_or(count));
        let people: Vec<Person> = (0..size)
            .map(|_| {
                next += 1;
                Person::new(next, filler.plan.today, &mut random)
            })
            .collect();
        match insert(filler, users, identities, &people).await? {
            Ok(rows) => {
                done.rows += rows;
                filler.filled.users.extend(people.into_iter().map(|person| person.id));
            }
            Err(_) if size > 1 => {
                // One at a time, to learn whom a sign-up trigger refuses.
                for person in people {
                    match insert(filler, users, identities, std::slice::from_ref(&person)).await? {
                        Ok(rows) => {
                            done.rows += rows;
                            refusals = 0;
                            filler.filled.users.push(person.id);
                        }
                        Err(refusal) => {
                            refusals += 1;
                            done.refused(&refusal);
                        }
                    }
                    if refusals >= 10 {
                        break;
                    }
                }
            }
            Err(refusal) => {
                refusals += 1;
                done.refused(&refusal);
            }
        }
    }
    Ok(done)
}

struct Person {
    id: String,
    identity: String,
    email: String,
    full_name: String,
    username: String,
    since: i64,
}

impl Person {
    fn new(number: i64, today: i64, random: &mut Random) -> Self {
        let (first, last) = Subject::default().person(random);
        Self {
            id: random.uuid(),
            identity: random.uuid(),
            email: format!("{}.{}{number}@example.com", slug(&first), slug(&last)),
            username: format!("{}_{}{number}", slug(&first), slug(&last)).replace('-', "_"),
            full_name: format!("{first} {last}"),
            since: today - random.between(1, 540 * DAY),
        }
    }

    fn user(&self, column: &str) -> Option<String> {
        let metadata = serde_json::json!({
            "full_name": self.full_name, "name": self.full_name, "username": self.username, "user_name": self.username,
            "email": self.email, "email_verified": true, "sub": self.id,
        });
        Some(match column {
            "id" => self.id.clone(),
            "instance_id" => "00000000-0000-0000-0000-000000000000".to_owned(),
            "aud" | "role" => "authenticated".to_owned(),
            "email" => self.email.clone(),
            "encrypted_password" => PASSWORD.to_owned(),
            "email_confirmed_at" | "created_at" | "updated_at" | "last_sign_in_at" => timestamp(self.since),
            "raw_app_meta_data" => r#"{"provider": "email", "providers": ["email"]}"#.to_owned(),
            "raw_user_meta_data" => metadata.to_string(),
            // GoTrue reads these into strings that cannot be NULL.
            "confirmation_token"
            | "recovery_token"
            | "email_change"
            | "email_change_token_new"
            | "email_change_token_current"
            | "reauthentication_token"
            | "phone_change"
            | "phone_change_token" => String::new(),
            _ => return None,
        })
    }

    fn identity(&self, column: &str) -> Option<String> {
        Some(match column {
            "id" => self.identity.clone(),
            "user_id" | "provider_id" => self.id.clone(),
            "provider" => "email".to_owned(),
            "identity_data" => {
                serde_json::json!({ "sub": self.id, "email": self.email, "email_verified": true }).to_string()
            }
            "created_at" | "updated_at" | "last_sign_in_at" => timestamp(self.since),
            _ => return None,
        })
    }
}

/// Users and their identities in one batch each; the batch of identities is no reason to lose the users.
async fn insert(
    filler: &Filler<'_, '_>,
    users: &Relation,
    identities: Option<&Relation>,
    people: &[Person],
) -> Result<super::insert::Outcome, Error> {
    let outcome = copy(filler, users, people, Person::user).await?;
    if outcome.is_ok()
        && let Some(identities) = identities
    {
        let _ = copy(filler, identities, people, Person::identity).await?;
    }
    Ok(outcome)
}

async fn copy(
    filler: &Filler<'_, '_>,
    relation: &Relation,
    people: &[Person],
    value: fn(&Person, &str) -> Option<String>,
) -> Result<super::insert::Outcome, Error> {
    let known = |at: &usize| {
        let column = &relation.columns[*at];
        column.generated.is_none() && people.first().is_some_and(|person| value(person, &column.name).is_some())
    };
    let columns: Vec<usize> = (0..relation.columns.len()).filter(known).collect();
    let row =
        |person: &Person| relation.columns.iter().map(|column| Cell::Value(value(person, &column.name))).collect();
    let rows: Vec<Vec<Cell>> = people.iter().map(row).collect();
    filler.insert.copy(relation, &columns, &rows).await
}
