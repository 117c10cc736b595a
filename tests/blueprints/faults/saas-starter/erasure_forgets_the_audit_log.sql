drop trigger saas_starter_forget on auth.users;
