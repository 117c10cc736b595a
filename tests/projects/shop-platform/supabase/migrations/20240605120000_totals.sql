create function public.recalculate_total() returns trigger language plpgsql as $fn$
declare
  touched uuid := coalesce(new.order_id, old.order_id);
begin
  update public.orders
     set total_cents = coalesce((select sum(quantity * unit_price) from public.order_lines where order_id = touched), 0)
   where id = touched;
  if tg_op = 'DELETE' then return old; end if;
  return new;
end
$fn$;
create constraint trigger totals after insert or update or delete on public.order_lines
  deferrable initially deferred for each row execute function public.recalculate_total();

create procedure public.close_carts(older_than interval default '30 days') language sql as $$
  delete from public.orders where state = 'cart' and placed_at < now() - older_than
$$;

create function public.set_card(customer uuid, token text) returns void language sql security definer set search_path = public, extensions as $$
  update customers set card_token = pgp_sym_encrypt(token, current_setting('request.headers', true)) where id = customer and token is not null
$$;
create aggregate public.join_titles (text) (sfunc = textcat, stype = text, initcond = '');
create type public.line as (sku text, quantity int);
create function public.price_of(lines public.line[], variadic extra text[] default '{}') returns bigint language sql stable as $$
  select coalesce(sum(p.price * l.quantity), 0)::bigint from unnest(lines) l join public.products p on p.sku = l.sku
$$;
create rule no_delete_of_paid as on delete to public.orders where old.state <> 'cart' do instead nothing;
