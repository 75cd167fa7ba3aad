CREATE OR REPLACE FUNCTION factory.adopt(OUT sessions bigint, OUT refresh_tokens bigint, OUT invitations bigint)
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_adopt';
COMMENT ON FUNCTION factory.adopt() IS
  'Makes this database the home of a platform that was restored or moved here: ends every session, removes every refresh token, withdraws every open invitation and says how many of each; then people sign in again. Audited. Error: conflict (it is at home already). For factory_operator.';

SELECT factory.declare('factory.adopt()', 'Make this the home of a restored platform', '{factory_operator}', scope => 'global', requires => 'operator',
  audit_action => 'platform.adopted');
