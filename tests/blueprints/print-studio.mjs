// Money under load: 64 sessions at once take and give credits of one person, and the ledger equals the balance.
export default async function run({ url, psql, psqlAsync, step, Failure }) {
  const user = 'a1000000-0000-4000-8000-000000000008';
  const equal = (what, got, want) => {
    if (got !== want) throw new Failure(`${what}: ${got}, expected ${want}`);
  };
  const state = () => psql(`select credits_remaining, total_credits_used from profiles where id = '${user}'`);
  const ledger = `
    select count(*) from profiles p
    where p.credits_remaining is distinct from (select coalesce(sum(balance_after - balance_before), 0) from credit_transactions t where t.user_id = p.id)
       or p.credits_remaining is distinct from (select coalesce(sum(remaining), 0) from credit_transactions t where t.user_id = p.id)`;
  psql(`select add_user_credits('${user}', 48, 'bonus')`);
  equal('balance at the start', state(), '50|0');

  // 64 calls want one credit each, and there are 50.
  const taken = await Promise.all(Array.from({ length: 64 }, () =>
    psqlAsync(url, `select deduct_user_credits('${user}', 1, 'usage', 'load')`)));
  equal('calls that got a credit', taken.filter((r) => r.ok).length, 50);
  equal('calls that were refused', taken.filter((r) => /Insufficient credits\. Required: 1, Available: 0/.test(r.err)).length, 14);
  equal('each balance was answered once', new Set(taken.filter((r) => r.ok).map((r) => r.out)).size, 50);
  equal('balance', state(), '0|50');
  equal('people whose ledger is not their balance', psql(ledger), '0');
  step('64 concurrent calls for 50 credits: 50 paid, 14 refused, nothing lost');

  // One key, 64 times: once.
  psql(`select add_user_credits('${user}', 10, 'bonus')`);
  const same = await Promise.all(Array.from({ length: 64 }, () =>
    psqlAsync(url, `select deduct_user_credits('${user}', 3, 'usage', 'load', null, 'load:one')`)));
  equal('repeated calls that were answered', same.filter((r) => r.ok).length, 64);
  equal('with one answer', [...new Set(same.map((r) => r.out))].join(), '7');
  equal('balance', state(), '7|53');

  // Giving and taking, crossed, and a refund of each failed operation.
  const mixed = await Promise.all(Array.from({ length: 64 }, (_, i) =>
    psqlAsync(url, i % 2 ? `select add_user_credits('${user}', 2, 'purchase')` : `select deduct_user_credits('${user}', 2, 'usage')`)));
  const given = mixed.filter((r, i) => i % 2 && r.ok).length;
  const spent = mixed.filter((r, i) => i % 2 === 0 && r.ok).length;
  equal('additions', given, 32);
  equal('balance', psql(`select credits_remaining from profiles where id = '${user}'`), String(7 + 2 * given - 2 * spent));
  equal('people whose ledger is not their balance', psql(ledger), '0');
  equal('people in debt', psql('select count(*) from profiles where credits_remaining < 0'), '0');
  step('one key 64 times counts once; 64 crossed calls keep ledger and balance equal');
}
