/* SPDX-License-Identifier: Apache-2.0 */
/* JWT claims: checked before they are signed, completed by the signer's rules. */
#include "jwt.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "json/json_take.h"

#define TIME_MAX 253402300799LL /* 9999-12-31T23:59:59Z */

static enum jwk11_rc invalid(const char *claim, const char *why, struct jwk11_err *err)
{
	return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_CLAIM_INVALID, "claim \"%s\" %s", claim, why);
}

static enum jwk11_rc not_an_object(struct jwk11_err *err)
{
	return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_CLAIM_INVALID, "claims must be a JSON object");
}

/* A JSON number taken apart: its digits without the point, and how many of them stand before the point. */
struct decimal {
	char digits[64];
	long n_digits, n_before;
	bool negative;
};

/* The exponent of a number; far outside anything a date can have it stops counting. */
static long read_exponent(const char *p, const char *end)
{
	bool negative = p < end && *p == '-';
	long value = 0;

	for (p += p < end && (*p == '-' || *p == '+'); p < end; p++)
		value = value > 100000 ? value : value * 10 + (*p - '0');
	return negative ? -value : value;
}

/* Of the exact text: no floating point, and no locale that has its own idea of a decimal point. */
static bool read_decimal(struct jwk11_view text, struct decimal *d)
{
	const char *p = text.data, *end = p + text.len;
	bool point = false;

	if (text.len > sizeof(d->digits))
		return false;
	d->negative = p < end && *p == '-';
	for (p += d->negative; p < end && *p != 'e' && *p != 'E'; p++) {
		if (*p == '.') {
			point = true;
			continue;
		}
		d->digits[d->n_digits++] = *p;
		d->n_before += !point;
	}
	if (p < end)
		d->n_before += read_exponent(p + 1, end);
	return true;
}

/* RFC 7519 section 2: a NumericDate is a JSON number of seconds, fractions allowed. Rounded up, so that a clock of whole seconds compares
 * with it as it would with the exact value. */
static bool numeric_date(const struct j11_json *value, int64_t *ret_seconds)
{
	struct decimal d = { .n_digits = 0 };
	bool fraction = false;
	int64_t seconds = 0;

	if (value->type != J11_JSON_NUMBER || !read_decimal(value->text, &d))
		return false;
	for (long i = 0; i < d.n_digits || i < d.n_before; i++) {
		int digit = i < d.n_digits ? d.digits[i] - '0' : 0;

		if (i < d.n_before)
			seconds = seconds * 10 + digit;
		else
			fraction = fraction || digit != 0;
		if (seconds > TIME_MAX)
			return false;
		if (seconds == 0 && i >= d.n_digits)
			break;
	}
	seconds += fraction;
	if (seconds > TIME_MAX || (d.negative && seconds != 0))
		return false;
	*ret_seconds = seconds;
	return true;
}

/* RFC 7519 4.1.3: one string or an array of strings. */
static bool is_audience(const struct j11_json *value)
{
	if (value->type == J11_JSON_STRING)
		return true;
	if (value->type != J11_JSON_ARRAY || value->child == NULL)
		return false;
	for (const struct j11_json *one = value->child; one != NULL; one = one->next)
		if (one->type != J11_JSON_STRING)
			return false;
	return true;
}

static enum jwk11_rc check_types(const struct j11_json *claims, struct jwk11_err *err)
{
	static const char *const strings[] = { "iss", "sub", "jti" };
	static const char *const dates[] = { "exp", "nbf", "iat" };
	const struct j11_json *value;
	int64_t seconds;

	for (size_t i = 0; i < J11_COUNT(strings); i++) {
		value = j11_json_get(claims, strings[i]);
		if (value != NULL && value->type != J11_JSON_STRING)
			return invalid(strings[i], "must be a string", err);
	}
	for (size_t i = 0; i < J11_COUNT(dates); i++) {
		value = j11_json_get(claims, dates[i]);
		if (value != NULL && !numeric_date(value, &seconds))
			return invalid(dates[i], "must be a number of seconds from 0 to 253402300799", err);
	}
	value = j11_json_get(claims, "aud");
	if (value != NULL && !is_audience(value))
		return invalid("aud", "must be a string or an array of strings", err);
	return JWK11_OK;
}

/* The lifetime that the rules give or allow. */
static enum jwk11_rc check_lifetime(const struct j11_json *claims, const struct j11_jwt_rules *rules, struct jwk11_err *err)
{
	const struct j11_json *exp = j11_json_get(claims, "exp");
	int64_t expires;

	if (rules->now < 0 || rules->now > TIME_MAX || rules->ttl < 0 || rules->ttl > TIME_MAX - rules->now)
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_CLAIM_INVALID, "ttl must be a number of seconds that ends before the year 10000");
	expires = rules->now + rules->ttl;
	if (rules->ttl > 0 && exp != NULL)
		return invalid("exp", "cannot be given together with ttl", err);
	if (rules->ttl > 0 && j11_json_get(claims, "iat") != NULL)
		return invalid("iat", "cannot be given together with ttl", err);
	if (rules->max_ttl <= 0)
		return JWK11_OK;
	if (rules->ttl == 0 && (exp == NULL || !numeric_date(exp, &expires)))
		return j11_jwt_refuse("exp", "is required: this client's tokens have a maximum lifetime", err);
	if (expires - rules->now <= rules->max_ttl)
		return JWK11_OK;
	j11_jwt_refuse("exp", "is later than this client's maximum lifetime allows", err);
	j11_err_hint(err, "at most %lld seconds", (long long)rules->max_ttl);
	return JWK11_ERR_DENIED;
}

static enum jwk11_rc check_all(const struct j11_json *claims, const struct j11_jwt_rules *rules, struct jwk11_err *err)
{
	enum jwk11_rc rc;

	if (claims == NULL || claims->type != J11_JSON_OBJECT)
		return not_an_object(err);
	rc = check_types(claims, err);
	if (rc == JWK11_OK)
		rc = j11_jwt_check_rules(claims, rules, err);
	return rc == JWK11_OK ? check_lifetime(claims, rules, err) : rc;
}

enum jwk11_rc j11_jwt_check(const struct j11_json *claims, const struct j11_jwt_rules *rules, struct jwk11_err *err)
{
	const struct j11_json *exp, *iat;
	struct j11_jwt_rules later = *rules;
	int64_t expires, issued;
	enum jwk11_rc rc;

	if (rules->max_ttl > 0)
		later.max_ttl = rules->max_ttl + J11_JWT_GIVEN_SKEW;
	rc = check_all(claims, &later, err);
	if (rc == JWK11_OK)
		rc = j11_jwt_check_given(claims, rules, err);
	if (rc != JWK11_OK || rules->max_ttl <= 0)
		return rc;
	exp = j11_json_get(claims, "exp");
	iat = j11_json_get(claims, "iat");
	if (iat != NULL && exp != NULL && numeric_date(iat, &issued) && numeric_date(exp, &expires) && expires - issued > rules->max_ttl)
		return j11_jwt_refuse("exp", "is later after iat than this client's maximum lifetime allows", err);
	return JWK11_OK;
}

enum jwk11_rc j11_jwt_claims(const struct j11_json *claims, const struct j11_jwt_rules *rules, struct jwk11_buf *out, struct jwk11_err *err)
{
	struct j11_json_out o = J11_JSON_OUT(out);
	size_t start = out->len;
	enum jwk11_rc rc = check_all(claims, rules, err);

	if (rc != JWK11_OK)
		return rc;
	j11_json_open(&o, NULL, '{');
	for (const struct j11_json *m = claims->child; m != NULL; m = m->next)
		j11_json_member(&o, m);
	if (rules->issuer != NULL && j11_json_get(claims, "iss") == NULL)
		j11_json_str(&o, "iss", rules->issuer);
	if (rules->ttl > 0) {
		j11_json_num(&o, "iat", rules->now);
		j11_json_num(&o, "exp", rules->now + rules->ttl);
	}
	j11_json_close(&o);
	if (out->failed == JWK11_OK && out->len - start > J11_JWT_CLAIMS_MAX) {
		j11_buf_cut(out, start);
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "claims are longer than %u bytes", J11_JWT_CLAIMS_MAX);
	}
	return j11_buf_check(out, "claims", err);
}

enum jwk11_rc j11_jwt_check_times(const struct j11_json *claims, int64_t now, int64_t leeway, struct jwk11_err *err)
{
	const struct j11_json *exp = j11_json_get(claims, "exp"), *nbf = j11_json_get(claims, "nbf");
	enum jwk11_rc rc;
	int64_t seconds;

	if (claims == NULL || claims->type != J11_JSON_OBJECT)
		return not_an_object(err);
	rc = check_types(claims, err);
	if (rc != JWK11_OK)
		return rc;
	if (exp != NULL && numeric_date(exp, &seconds) && now - leeway >= seconds)
		return j11_jwt_refuse("exp", "has passed: the token is no longer valid", err);
	if (nbf != NULL && numeric_date(nbf, &seconds) && now + leeway < seconds)
		return j11_jwt_refuse("nbf", "is in the future: the token is not yet valid", err);
	return JWK11_OK;
}
