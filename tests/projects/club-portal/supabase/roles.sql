\restrict 5gYqkP0aXr8mWcVtQbN2hEjL7uSfD3oZ9iKpBvTxRnM1eGwCyHlUsAdJ4q6FzOk

SET default_transaction_read_only = off;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;

ALTER ROLE "anon" SET "statement_timeout" TO '3s';
ALTER ROLE "authenticated" SET "statement_timeout" TO '8s';

\unrestrict 5gYqkP0aXr8mWcVtQbN2hEjL7uSfD3oZ9iKpBvTxRnM1eGwCyHlUsAdJ4q6FzOk

RESET ALL;
