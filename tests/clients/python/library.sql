-- What test_rest.py reads and writes.
create table authors (id int primary key, name text not null);
create table books (
  id int primary key,
  title text not null,
  pages int not null,
  author_id int references authors,
  tags text[] not null default '{}',
  facts jsonb not null default '{}',
  published daterange,
  words tsvector generated always as (to_tsvector('english', title || ' ' || coalesce(facts ->> 'about', ''))) stored
);
create table readers (id int primary key, name text not null);
create table loans (reader_id int references readers, book_id int references books, primary key (reader_id, book_id));
create table shelves (id int primary key, label text unique default 'unlabelled', note text);
create table diary (id bigint generated always as identity primary key, owner uuid not null default auth.uid(), entry text not null);
alter table diary enable row level security;
create policy own on diary to authenticated using (owner = auth.uid()) with check (owner = auth.uid());
revoke all on shelves from anon, authenticated;

insert into authors values (1, 'Frank Herbert'), (2, 'Stanisław Lem'), (3, 'Ursula K. Le Guin'), (4, 'Nobody');
insert into books values
  (1, 'Dune', 412, 1, '{novel,planet,desert}', '{"language": "en", "awards": ["Hugo", "Nebula"], "about": "a desert planet"}', '[1965-08-01,2000-01-01)'),
  (2, 'Solaris', 204, 2, '{novel,planet}', '{"language": "pl", "about": "an ocean that thinks"}', '[1961-01-01,2000-01-01)'),
  (3, 'The "Dispossessed"', 341, 3, '{novel,utopia}', '{"language": "en", "about": "a moon"}', '[1974-05-01,2005-01-01)'),
  (4, 'Leaves', 96, null, '{poems}', '{"language": "fr"}', null);
insert into readers values (1, 'Ada');
insert into loans values (1, 1), (1, 2);
insert into diary (owner, entry) values ('00000000-0000-4000-8000-000000000001', 'of somebody else');

create function add_them(a int, b int) returns int language sql immutable as 'select a + b';
create function thicker_than(pages_at_least int) returns setof books language sql stable as 'select * from books where pages > pages_at_least';
create function complain() returns void language plpgsql as $$ begin raise exception 'no'; end $$;

create schema cellar;
grant usage on schema cellar to anon, authenticated, service_role;
create table cellar.wines (name text primary key);
grant select on cellar.wines to service_role;
insert into cellar.wines values ('Rioja');

alter role authenticator set pgrst.db_plan_enabled to true;
notify pgrst, 'reload config';
