//! Checks as people write them, each in a table of its own: seeding meets them, and names those that it cannot meet.

use access::rows::{Plan, Rows, Users};

use super::{fill, reasons};

/// Columns with their checks, all of which must be met.
const MET: &[&str] = &[
    // Two columns in order.
    "a int not null, b int not null, check (a < b)",
    "a text not null, b text not null, check (a < b)",
    "starts date not null, ends date not null, check (starts < ends)",
    "opens time not null, closes time not null, check (opens < closes)",
    "shortest interval not null, longest interval not null, check (shortest <= longest)",
    "low numeric(6,2) not null, high numeric(6,2) not null, check (low < high)",
    "starts timestamptz not null, ends timestamptz not null, check (starts < ends and ends <= starts + interval '4 hours')",
    "starts date not null, ends date not null, check (ends - starts between 1 and 30)",
    "starts timestamptz not null, ends timestamptz not null, check (ends - starts >= interval '15 minutes')",
    "a int not null, b int not null, check (a <> b)",
    "a int not null, b int not null, c int not null, check (a + b + c = 100)",
    "a int not null check (a >= 0), b int not null check (b >= 0), c int not null check (c >= 0), check (a + b + c = 100)",
    "during tstzrange not null check (not isempty(during))",
    "during daterange not null check (lower(during) is not null and upper(during) - lower(during) <= 60)",
    "a int not null, b int not null, check (int4range(a, b, '[)') @> a)",
    // Presence.
    "a int, b int, check ((a is null) = (b is null))",
    "a int, b int, check ((a is null) <> (b is null))",
    "a int, b int, check (coalesce(a, b) is not null)",
    "a int, b int, check (num_nonnulls(a, b) = 1)",
    "p boolean not null, q boolean not null, check (p or q)",
    "p boolean not null, q boolean not null, check (p <> q)",
    // Texts.
    "x text not null check (x between 'b' and 'f')",
    "x text not null check (char_length(x) = 22 and x like 'DE%')",
    "x text not null check (char_length(x) = 22) check (x ~ '^DE[0-9]+$')",
    "x text not null check (length(x) between 3 and 20 and x ~ '^[a-z0-9_]+$')",
    "x text not null check (x similar to '[A-Z]{2}-[0-9]+')",
    "x text not null check (x similar to '(red|green)%')",
    "x text not null check (char_length(trim(x)) > 0)",
    "x text not null check (char_length(trim(x)) between 1 and 40)",
    "x text not null check (length(trim(both from x)) >= 2 and x = trim(x))",
    "x text not null check (x <> '' and x !~ '\\s')",
    "x text not null check (x not like '% %')",
    "x text not null check (position(' ' in x) = 0)",
    "x text not null check (x ilike '%@%')",
    "x text not null check (left(x, 2) = 'AB')",
    "x text not null check (right(x, 4) = '.png')",
    "x text not null check (starts_with(x, 'https://'))",
    "x text not null check (split_part(x, '@', 2) = 'example.org')",
    "x text not null check (octet_length(x) <= 20)",
    "x char(3) not null check (x = upper(x) and length(x) = 3)",
    "x varchar(8) not null check (x ~ '^[0-9A-F]{8}$')",
    "x text not null check (x = lower(x) and x like '%.%')",
    "email text not null check (email ~* '^[^@[:space:]]+@[^@[:space:]]+\\.[a-z]{2,}$')",
    "x text not null check (substring(x from 1 for 3) = 'cus')",
    // JSON.
    "x jsonb not null check (x ? 'name')",
    "x jsonb not null check (x ?& array['width', 'height'])",
    "x jsonb not null check (x ?| array['width', 'height'])",
    "x jsonb not null check (jsonb_typeof(x) = 'array' and jsonb_array_length(x) > 0)",
    "x jsonb not null check (jsonb_typeof(x -> 'tags') = 'array')",
    "x jsonb not null check (jsonb_typeof(x) = 'object' and x ? 'version' and jsonb_typeof(x -> 'version') = 'number')",
    "x jsonb not null check (x @> '{\"kind\": \"page\"}')",
    "x jsonb not null check ((x ->> 'age')::int >= 18)",
    "x jsonb not null check (x ->> 'status' in ('on', 'off'))",
    "x jsonb not null check (length(x::text) < 2000)",
    // Bytes, arrays, numbers, times, addresses.
    "x bytea not null check (octet_length(x) = 16)",
    "x bytea not null check (length(x) between 20 and 32)",
    "x text[] not null check (cardinality(x) between 2 and 4)",
    "x text[] not null check (array_length(x, 1) = 2)",
    "x text[] not null check ('admin' = any (x))",
    "x text[] not null check (x @> array['a', 'b'])",
    "x text[] not null check (array_position(x, null) is null)",
    "x int[] not null check (0 < all (x))",
    "x int not null check (x % 5 = 0)",
    "x numeric not null check (x = round(x, 2) and x > 0)",
    "x numeric(10,2) not null check (x >= 0.5 and x <= 99.5)",
    "x int not null check (x <@ int4range(10, 20))",
    "x int not null check (x between 1 and 10 or x = 99)",
    "x int not null check (abs(x) <= 3)",
    "x date not null check (extract(isodow from x) between 1 and 5)",
    "x date not null check (x = date_trunc('month', x))",
    "x date not null check (extract(year from x) >= 2000)",
    "x date not null check (x <= current_date - interval '18 years')",
    "x timestamptz not null check (x > '2020-01-01' and x < now())",
    "x time not null check (x between '09:00' and '17:00')",
    "x interval not null check (x > interval '0')",
    "x interval not null check (x between '10 minutes' and '1 hour')",
    "x inet not null check (family(x) = 4)",
    "x uuid not null, y uuid not null, check (x <> y)",
];

/// From schemas that are in use.
const IN_USE: &[&str] = &[
    "email text not null check (email = lower(email) and email like '%_@_%._%')",
    "username text not null check (char_length(username) >= 3 and username ~ '^[A-Za-z0-9_]+$')",
    "iban text not null check (iban ~ '^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$')",
    "country_code text not null check (country_code ~ '^[A-Z]{2}$')",
    "colour text not null check (colour ~* '^#[a-f0-9]{6}$')",
    "phone text not null check (phone ~ '^\\+[1-9]\\d{1,14}$')",
    "slug text not null check (lower(slug) = slug and slug ~ '^[a-z0-9]+(?:-[a-z0-9]+)*$')",
    "year int not null check (year between 1900 and extract(year from now())::int + 1)",
    "starts_at timestamptz not null, ends_at timestamptz, check (starts_at >= '2020-01-01' and (ends_at is null or ends_at > starts_at))",
    "kind text not null, value numeric not null, check (kind = 'percent' and value between 0 and 100 or kind = 'fixed' and value > 0)",
    "tags text[] not null check (array_length(tags, 1) between 1 and 5)",
    "settings jsonb not null check (jsonb_typeof(settings -> 'notifications') = 'object' and settings ->> 'theme' in ('light', 'dark'))",
    "settings jsonb not null check ((settings -> 'limits' ->> 'users')::int between 1 and 50)",
    "lat float8 not null, lng float8 not null, check (lat between -90 and 90 and lng between -180 and 180)",
    "a uuid not null, b uuid not null, check (a < b)",
    "a int not null, b int not null, check (least(a, b) = a and a <> b)",
    "options text[] not null, correct int not null, check (cardinality(options) >= 2 and correct >= 0 and correct < cardinality(options))",
    "subtotal numeric(10,2) not null check (subtotal >= 0), tax numeric(10,2) not null, discount numeric(10,2) not null default 0, total numeric(10,2) not null, check (total = subtotal + tax - discount)",
    "quantity int not null check (quantity > 0), unit_cents int not null, amount_cents int not null, check (amount_cents = quantity * unit_cents)",
    "rating numeric(2,1) not null check (rating between 0 and 5 and rating % 0.5 = 0)",
    "pin text not null check (length(pin) = 4 and pin ~ '^\\d+$')",
    "status text not null check (status in ('open', 'done')), done_at timestamptz, check (status <> 'done' or done_at is not null)",
    "status text not null check (status in ('open', 'done')), done_at timestamptz, check ((status = 'done') = (done_at is not null))",
    "hash text not null check (hash like '$2_$%')",
    "isbn text not null check (isbn ~ '^\\d{13}$' or isbn ~ '^\\d{9}[\\dX]$')",
    "mime text not null check (mime like 'image/%' or mime like 'video/%')",
    "vat numeric(3,2) not null check (vat between 0 and 1)",
    "x int not null check (x = any ('{1,2,3}'::int[]))",
    "d date not null check (d >= '2026-01-01' and d < '2026-02-01')",
    "bits int not null check (bits & 1 = 1)",
    "name text not null check (name = initcap(name))",
    "name text not null check (name ~ '^(?!admin)')",
    "phone text not null check (char_length(regexp_replace(phone, '\\D', '', 'g')) >= 10)",
    "items jsonb not null check (jsonb_array_length(items) between 1 and 10)",
    "items jsonb not null check (jsonb_typeof(items) = 'array' and items <> '[]')",
    "opens time not null, closes time not null, check (closes - opens >= interval '30 minutes')",
    "starts_at timestamptz not null, ends_at timestamptz not null, check (extract(epoch from ends_at - starts_at) between 1 and 86400)",
    "starts_at timestamp not null, ends_at timestamp not null, check (ends_at::date = starts_at::date and ends_at > starts_at)",
    "starts_at timestamp not null check (extract(minute from starts_at)::int % 15 = 0)",
    "valid daterange not null check (lower(valid) >= '2020-01-01' and not upper_inf(valid))",
    "ip inet not null check (masklen(ip) >= 24 and not ip << '10.0.0.0/8')",
    "cents int not null, price numeric(10,2) not null, check (price = cents / 100.0)",
    "cents int not null check (cents > 0), currency text not null check (currency in ('eur', 'usd')), check (currency <> 'usd' or cents >= 50)",
    "low int check (low > 0), high int check (high > 0), check (low is null or high is null or low < high)",
    "low int, high int, check (low < high)",
    "p bool not null, q bool not null, r bool not null, check (p::int + q::int + r::int = 1)",
];

/// Checks that no row of ours meets.
const NOT_MET: &[&str] =
    &["x bigint not null check (x * x * x = 42875)", "x text not null check (md5(x) like '00000%')"];

fn tables(columns: &[&str], prefix: &str) -> String {
    let table = |(n, columns): (usize, &&str)| {
        format!("create table public.{prefix}{n} (id int generated always as identity primary key, {columns});")
    };
    columns.iter().enumerate().map(table).collect()
}

#[tokio::test]
async fn the_checks_that_people_write_are_met() {
    let database = testkit::database().await;
    let all = [MET, IN_USE].concat();
    database.run(&format!("set role postgres; {}", tables(&all, "met"))).await;
    let filled = fill(&database, 5, &Plan { users: Users::Create(0), ..Plan::new(Rows::Each(100)) }).await;
    let mut wrong = Vec::new();
    for (n, columns) in all.iter().enumerate() {
        let done = filled.table("public", &format!("met{n}")).unwrap();
        if done.rows != 100 || !done.reasons.is_empty() {
            wrong.push(format!("{columns}: {} rows, {:?}", done.rows, done.reasons));
        }
    }
    assert!(wrong.is_empty(), "{:#?}", wrong);
}

#[tokio::test]
async fn a_check_that_is_not_met_is_named_once_and_rows_that_land_are_counted() {
    let database = testkit::database().await;
    database
        .run(&format!(
            "set role postgres; {}
             create table public.guests (id int generated always as identity primary key, name text not null, n int not null);
             create function public.doors() returns trigger language plpgsql as
                 $$ begin if new.n % 3 = 0 then raise exception '% (guest %) is not on the list', new.name, new.id; end if;
                 return new; end $$;
             create trigger doors before insert on public.guests for each row execute function public.doors();
             create table public.closed (id int generated always as identity primary key, name text not null);
             create function public.shut() returns trigger language plpgsql as
                 $$ begin raise exception 'no % today', new.name; end $$;
             create trigger shut before insert on public.closed for each row execute function public.shut();",
            tables(NOT_MET, "not_met")
        ))
        .await;
    let filled = fill(&database, 5, &Plan { users: Users::Create(0), ..Plan::new(Rows::Each(300)) }).await;
    for (n, columns) in NOT_MET.iter().enumerate() {
        let table = format!("not_met{n}");
        let done = filled.table("public", &table).unwrap();
        let landed = super::one(&database, &format!("select count(*) from public.{table}")).await;
        assert_eq!((done.rows.to_string(), done.missing()), (landed, 300 - done.rows), "{columns}");
        let named = format!("no row was found that satisfies the check \"{table}_x_check\"");
        assert_eq!(done.reasons.keys().collect::<Vec<_>>(), [&named], "{columns}");
    }
    // What a trigger says of each row is one reason, and no row is missing.
    let guests = filled.table("public", "guests").unwrap();
    assert_eq!((guests.rows, guests.missing(), guests.reasons.len()), (300, 0, 1), "{guests:?}");
    let closed = filled.table("public", "closed").unwrap();
    assert_eq!((closed.rows, closed.missing(), closed.reasons.len()), (0, 300, 1), "{:?}", reasons(&filled));
}

#[tokio::test]
async fn a_full_disk_is_the_end_and_is_named() {
    let database = testkit::database().await;
    database
        .run(
            "set role postgres; create table public.heavy (id int generated always as identity primary key);
             create function public.no_room() returns trigger language plpgsql as
                 $$ begin raise exception 'could not extend file' using errcode = '53100'; end $$;
             create trigger no_room before insert on public.heavy for each row execute function public.no_room();",
        )
        .await;
    let mut client = database.connect(&database.admin).await;
    let schema = access::Schema::read(&client).await.unwrap();
    let plan = Plan { users: Users::Create(0), ..Plan::new(Rows::Each(50)) };
    let error = access::rows::Generator::new(&schema, 1).fill(&mut client, &plan).await.unwrap_err();
    assert!(error.to_string().starts_with("the disk is full"), "{error}");
}

#[tokio::test]
async fn a_trigger_that_sleeps_is_stopped_and_named_and_the_others_are_filled() {
    let database = testkit::database().await;
    database
        .run(
            "set role postgres; create table public.drowsy (id int generated always as identity primary key);
             create table public.awake (id int generated always as identity primary key);
             create function public.nap() returns trigger language plpgsql as
                 $$ begin perform pg_catalog.pg_sleep(60); return new; end $$;
             create trigger falls_asleep before insert on public.drowsy for each row execute function public.nap();",
        )
        .await;
    let mut client = database.connect(&database.admin).await;
    let schema = access::Schema::read(&client).await.unwrap();
    let longest = std::time::Duration::from_millis(700);
    let plan = Plan { users: Users::Create(0), longest, ..Plan::new(Rows::Each(50)) };
    let filled = access::rows::Generator::new(&schema, 1).fill(&mut client, &plan).await.unwrap();
    assert_eq!(filled.table("public", "awake").unwrap().rows, 50);
    let drowsy = filled.table("public", "drowsy").unwrap();
    let reasons: Vec<&String> = drowsy.reasons.keys().collect();
    assert!(
        drowsy.rows == 0
            && reasons[0].contains("the trigger \"falls_asleep\" takes too long")
            && reasons[0].contains("nap"),
        "{reasons:?}"
    );
    let row = client.query_one("show statement_timeout", &[]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), "0", "the limit ends with the work");
}
