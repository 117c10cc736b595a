//! `basalt gen types typescript`

use super::{fails, has, notes, works};
use crate::world::World;

#[test]
fn types_are_those_of_the_schemas_asked_for() {
    let folder = notes();
    folder.write(
        "supabase/migrations/20260102000000_more.sql",
        "create type public.mood as enum ('ok', 'bad'); alter table public.notes add mood public.mood;
         create function public.add(a int, b int) returns int language sql as 'select a + b';
         create schema shop; create table shop.items (id bigint primary key);",
    );
    let world = World::start_in(folder, &[]);
    let types = works(&world, &["gen", "types", "typescript"]);
    has(
        &types,
        &[
            "export type Json",
            "export type Database = {",
            "notes: {",
            "mood: Database[\"public\"][\"Enums\"][\"mood\"] | null",
        ],
    );
    has(&types, &["add: {", "mood: \"ok\" | \"bad\""]);
    assert!(!types.contains("shop:"), "{types}");
    let shop = works(&world, &["gen", "types", "--schema", "shop", "--local"]);
    has(&shop, &["shop: {", "items: {"]);
    assert!(!shop.contains("notes: {"), "{shop}");
    has(&fails(&world, &["gen", "types", "cobol"]), &["typescript"]);
}
