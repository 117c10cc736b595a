select date_trunc('month', placed_at) as month, sum(total_cents) from orders group by 1;
