SELECT factory.sign_in(:token, :tenant);
