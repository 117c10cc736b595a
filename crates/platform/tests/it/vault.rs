use std::fs;

use crate::cluster::{Cluster, refusal, value, works};

#[tokio::test]
async fn secrets_are_written_encrypted_and_read_by_those_who_may() {
    let cluster = Cluster::get();
    let database = cluster.database().await;
    let client = cluster.connect(&database.name, "postgres").await;
    works(&client, "select vault.create_secret('first', 'a', 'about a'); insert into vault.secrets (name, secret) values ('b', 'plain insert')").await;
    let read = "select string_agg(name || '=' || decrypted_secret, ',' order by name) from vault.decrypted_secrets";
    assert_eq!(value::<String>(&client, read).await, "a=first,b=plain insert");
    let visible: i64 = value(&client, "select count(*) from vault.secrets where secret ~ 'first|plain' or decode(secret, 'base64')::text ~ '66697273'").await;
    assert_eq!(visible, 0, "the table holds ciphertext only");
    works(&client, "select vault.update_secret(id, 'second', 'a2') from vault.secrets where name = 'a'").await;
    works(&client, "update vault.secrets set description = 'untouched secret' where name = 'b'").await;
    assert_eq!(value::<String>(&client, read).await, "a2=second,b=plain insert");
    works(
        &client,
        "set session_replication_role = replica; insert into vault.secrets (name, secret) values ('c', 'in a seed')",
    )
    .await;
    assert_eq!(
        value::<String>(
            &client,
            "select decrypted_secret from vault.decrypted_secrets where name = 'c' and secret <> 'in a seed'"
        )
        .await,
        "in a seed"
    );
    works(&client, "set session_replication_role = origin; delete from vault.secrets where name = 'c'").await;
    assert_eq!(refusal(&client, "select vault.create_secret('x', 'b')").await, "23505");
    works(&client, "set role service_role").await;
    assert_eq!(value::<String>(&client, read).await, "a2=second,b=plain insert");
}

#[tokio::test]
async fn equal_secrets_look_different_and_a_moved_one_is_refused() {
    let cluster = Cluster::get();
    let database = cluster.database().await;
    let client = cluster.connect(&database.name, "supabase_admin").await;
    works(&client, "select vault.create_secret('same', 'a'), vault.create_secret('same', 'b')").await;
    assert_eq!(value::<i64>(&client, "select count(distinct secret) from vault.secrets").await, 2);
    // As an attacker with the disk: b's ciphertext into a's row, past the trigger.
    works(
        &client,
        "alter table vault.secrets disable trigger secrets_seal;
         update vault.secrets a set secret = b.secret, nonce = b.nonce from vault.secrets b where a.name = 'a' and b.name = 'b'",
    )
    .await;
    assert_eq!(refusal(&client, "select * from vault.decrypted_secrets where name = 'a'").await, "22000");
    works(&client, "select * from vault.decrypted_secrets where name = 'b'").await;
}

#[tokio::test]
async fn another_key_file_opens_nothing_and_says_so() {
    let cluster = Cluster::get();
    let database = cluster.database().await;
    let client = cluster.connect(&database.name, "supabase_admin").await;
    works(&client, "select vault.create_secret('x', 'a')").await;
    let other = cluster.vault_key_file().with_file_name("other.key");
    fs::write(&other, [9_u8; 32]).expect("a key");
    client
        .execute(
            "update _basalt.settings set value = $1 where name = 'vault_key_file'",
            &[&other.to_string_lossy().as_ref()],
        )
        .await
        .expect("another key");
    let error = client.query("select * from vault.decrypted_secrets", &[]).await.expect_err("the wrong key");
    let error = error.as_db_error().expect("from the database");
    assert!(error.message().contains("encrypted with another key"), "{error}");
    works(&client, "update _basalt.settings set value = '/nowhere/vault.key' where name = 'vault_key_file'").await;
    assert_eq!(refusal(&client, "select vault.create_secret('x', 'c')").await, "58P01");
}
