SELECT status, headers, body FROM factory.serve(:tenant, 'GET', '/v1/members?limit=12', :headers, '', '127.0.0.1');
