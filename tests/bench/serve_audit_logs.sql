SELECT status, headers, body FROM factory.serve(:tenant, 'GET', '/v1/audit-logs', :headers, '', '127.0.0.1');
