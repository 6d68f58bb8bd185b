/* SPDX-License-Identifier: Apache-2.0 */
/* Labels and states of versions. */
#include "version.h"

#include <stdio.h>
#include <string.h>

const char *j11_version_state_name(enum j11_version_state state)
{
	static const char *const names[] = { "next", "active", "retiring", "retired" };

	return names[state];
}

void j11_version_stamp(int64_t moment, char ret_stamp[J11_VERSION_STAMP])
{
	static const unsigned char kept[] = { 0, 1, 2, 3, 5, 6, 8, 9, 10, 11, 12, 14, 15, 17, 18, 19 }; /* of "2026-11-23T12:00:00Z" */
	char text[21];

	j11_text_time(moment, text);
	for (size_t i = 0; i < sizeof(kept); i++)
		ret_stamp[i] = text[kept[i]];
	ret_stamp[sizeof(kept)] = '\0';
}

/* Exactly what j11_version_stamp writes: no other text for the same moment, and no moment that the calendar does not have. */
bool j11_version_unstamp(struct jwk11_view stamp, int64_t *ret_moment)
{
	const char *s = stamp.data;
	char text[21], again[J11_VERSION_STAMP];
	int64_t ms = 0;

	if (stamp.len != J11_VERSION_STAMP - 1)
		return false;
	snprintf(text, sizeof(text), "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", s, s + 4, s + 6, s + 9, s + 11, s + 13);
	if (!j11_text_to_time(j11_view_str(text), &ms) || ms <= 0)
		return false;
	j11_version_stamp(ms / 1000, again);
	if (memcmp(again, s, stamp.len) != 0)
		return false;
	*ret_moment = ms / 1000;
	return true;
}

enum j11_version_label j11_version_read(struct jwk11_view label, struct jwk11_view base, int64_t *ret_moment)
{
	const char *s = label.data;

	if (label.len < base.len || memcmp(s, base.data, base.len) != 0)
		return J11_LABEL_OTHER;
	if (label.len == base.len) {
		*ret_moment = 0;
		return J11_LABEL_VERSION;
	}
	if (s[base.len] != '@')
		return J11_LABEL_OTHER;
	return j11_version_unstamp((struct jwk11_view){ .data = s + base.len + 1, .len = label.len - base.len - 1 }, ret_moment) ? J11_LABEL_VERSION :
		J11_LABEL_MISLEADING;
}

/* Can it sign at all, and does nobody else claim its moment? */
static bool contends(const struct j11_version *versions, size_t n, size_t i)
{
	if (!versions[i].fit)
		return false;
	for (size_t k = i; k > 0 && versions[k - 1].moment == versions[i].moment; k--)
		if (versions[k - 1].fit)
			return false;
	for (size_t k = i + 1; k < n && versions[k].moment == versions[i].moment; k++)
		if (versions[k].fit)
			return false;
	return true;
}

static long find_active(const struct j11_version *versions, size_t n, int64_t now)
{
	long first = -1, active = -1;

	for (size_t i = 0; i < n; i++) {
		if (!contends(versions, n, i))
			continue;
		if (first < 0)
			first = (long)i;
		if (versions[i].moment <= now)
			active = (long)i;
	}
	return active >= 0 ? active : first;
}

/* The moment at which the next contender after this one begins. */
static int64_t succession(const struct j11_version *versions, size_t n, size_t i)
{
	for (size_t k = i + 1; k < n; k++)
		if (versions[k].moment > versions[i].moment && contends(versions, n, k))
			return versions[k].moment;
	return INT64_MAX;
}

static void settle(struct j11_version *versions, size_t n, size_t i, bool active, int64_t now, int64_t overlap)
{
	struct j11_version *v = &versions[i];
	int64_t next = succession(versions, n, i);

	if (active) {
		v->state = J11_VERSION_ACTIVE;
		v->until = next;
	} else if (v->moment > now) {
		v->state = J11_VERSION_NEXT;
		v->until = v->moment;
	} else {
		v->until = next < INT64_MAX - overlap ? next + overlap : INT64_MAX;
		v->state = now < v->until ? J11_VERSION_RETIRING : J11_VERSION_RETIRED;
	}
}

long j11_versions_settle(struct j11_version *versions, size_t n, int64_t now, int64_t overlap, int64_t *ret_due)
{
	long active = find_active(versions, n, now);

	*ret_due = INT64_MAX;
	for (size_t i = 0; i < n; i++) {
		settle(versions, n, i, active == (long)i, now, overlap);
		if (versions[i].moment > now && versions[i].moment < *ret_due)
			*ret_due = versions[i].moment;
		if (versions[i].until > now && versions[i].until < *ret_due)
			*ret_due = versions[i].until;
	}
	return active;
}

bool j11_version_is_published(enum j11_version_state state)
{
	return state != J11_VERSION_RETIRED;
}
