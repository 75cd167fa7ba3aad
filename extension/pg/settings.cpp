#include "pg/settings.hpp"

namespace factory::pg::settings {

char* database = nullptr;
char* secrets_file = nullptr;
char* issuer = nullptr;
int access_token_seconds = 900;
int refresh_token_days = 30;
int refresh_idle_days = 7;
int refresh_reuse_seconds = 10;
int invitation_days = 7;
char* public_url = nullptr;
char* mail_from = nullptr;
char* mail_from_name = nullptr;
int mails_per_day = 500;
int scrypt_ln = 16;
int scrypt_r = 8;
int scrypt_p = 2;
int password_hash_slots = 4;
int password_hash_wait_seconds = 2;
bool jobs_enabled = true;
int evidence_records = 4096;
int evidence_wait_ms = 1000;
int limiter_entries = 131072;

namespace {

void text(const char* name, const char* what, char** variable, const char* value, GucContext context, int flags = 0) {
  DefineCustomStringVariable(name, what, nullptr, variable, value, context, flags, nullptr, nullptr, nullptr);
}

void number(const char* name, const char* what, int* variable, int least, int most, GucContext context, int flags = 0) {
  DefineCustomIntVariable(name, what, nullptr, variable, *variable, least, most, context, flags, nullptr, nullptr,
                          nullptr);
}

}  // namespace

void define() {
  text("factory.database", "The database that the platform lives in.", &database, "", PGC_POSTMASTER);
  text("factory.secrets_file",
       "File with SESSION_SECRET and ENCRYPTION_KEY, readable by the server's user alone; the environment wins.",
       &secrets_file, "", PGC_POSTMASTER, GUC_SUPERUSER_ONLY);
  text("factory.issuer", "Issuer and audience of access tokens.", &issuer, "platform-factory", PGC_POSTMASTER);
  number("factory.access_token_seconds", "Life of an access token.", &access_token_seconds, 60, 3600, PGC_SIGHUP,
         GUC_UNIT_S);
  number("factory.refresh_token_days", "Absolute life of a session.", &refresh_token_days, 1, 365, PGC_SIGHUP);
  number("factory.refresh_idle_days", "Life of a refresh token that is not used.", &refresh_idle_days, 1, 365,
         PGC_SIGHUP);
  number("factory.refresh_reuse_seconds",
         "How long a used refresh token still works, for clients that lost the answer.", &refresh_reuse_seconds, 0, 60,
         PGC_SIGHUP, GUC_UNIT_S);
  number("factory.invitation_days", "Life of an invitation.", &invitation_days, 1, 30, PGC_SIGHUP);
  text("factory.public_url", "Where people reach the platform; links in mails begin with it.", &public_url,
       "http://127.0.0.1:8080", PGC_SIGHUP);
  text("factory.mail_from", "Sender address of all mails.", &mail_from, "no-reply@localhost.localdomain", PGC_SIGHUP);
  text("factory.mail_from_name", "Sender name of all mails.", &mail_from_name, "Digital Platform Factory", PGC_SIGHUP);
  number("factory.mails_per_day", "Mails that apps may send for one workspace in a day.", &mails_per_day, 0, 1000000,
         PGC_SIGHUP);
  number("factory.scrypt_ln", "Base-2 logarithm of scrypt's cost N (RFC 7914).", &scrypt_ln, 4, 20, PGC_SIGHUP);
  number("factory.scrypt_r", "scrypt's block size r.", &scrypt_r, 1, 32, PGC_SIGHUP);
  number("factory.scrypt_p", "scrypt's parallelization p.", &scrypt_p, 1, 16, PGC_SIGHUP);
  number("factory.password_hash_slots", "Password hashes computed at once by the whole server.", &password_hash_slots,
         1, 64, PGC_SIGHUP);
  number("factory.password_hash_wait_seconds", "How long a sign-in waits for a free slot.", &password_hash_wait_seconds,
         0, 30, PGC_SIGHUP, GUC_UNIT_S);
  DefineCustomBoolVariable("factory.jobs_enabled", "Whether jobs run by their schedule.", nullptr, &jobs_enabled, true,
                           PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
  number("factory.evidence_records", "Events of refused calls that shared memory holds until they are written.",
         &evidence_records, 64, 1048576, PGC_POSTMASTER);
  number("factory.evidence_wait", "How long a refusal over SQL waits for its event to be written.", &evidence_wait_ms,
         0, 60000, PGC_SIGHUP, GUC_UNIT_MS);
  number("factory.limiter_entries", "Keys that the rate limiter can hold at once; 24 bytes of shared memory each.",
         &limiter_entries, 1024, 16777216, PGC_POSTMASTER);
}

}  // namespace factory::pg::settings
