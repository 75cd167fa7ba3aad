SELECT status, headers, body FROM factory.serve(:tenant, 'GET', '/v1/tenant', :headers, '', '127.0.0.1');
