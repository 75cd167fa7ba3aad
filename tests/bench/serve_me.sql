SELECT status, headers, body FROM factory.serve_global('GET', '/v1/me', :headers, '', '127.0.0.1');
