SELECT limited FROM factory.throttle('figures', 1000000, 1000000, 1);
