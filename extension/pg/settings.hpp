// Settings of the extension. All but the context are read at server start or on reload: no session can change them.
#pragma once

#include "pg/postgres.hpp"

namespace factory::pg::settings {

extern char* database;      // factory.database: where the platform lives
extern char* secrets_file;  // factory.secrets_file: 0600 file with SESSION_SECRET and ENCRYPTION_KEY
extern char* issuer;        // factory.issuer: iss and aud of access tokens
extern int access_token_seconds;
extern int refresh_token_days;
extern int refresh_idle_days;
extern int refresh_reuse_seconds;
extern int invitation_days;
extern char* public_url;  // factory.public_url: where people reach the platform, for links in mails
extern char* mail_from;   // factory.mail_from: sender of all mails
extern char* mail_from_name;
extern int mails_per_day;  // that apps may send for one workspace
extern int scrypt_ln;
extern int scrypt_r;
extern int scrypt_p;
extern int password_hash_slots;         // scrypt runs at once, all backends together
extern int password_hash_wait_seconds;  // before a sign-in is turned away
extern int evidence_records;            // places of the evidence ring
extern int evidence_wait_ms;            // how long a refusal over SQL waits for its event to be written
extern bool jobs_enabled;               // whether scheduled jobs run
extern int limiter_entries;             // keys that the limiter can hold at once

void define();

}  // namespace factory::pg::settings
