/* SPDX-License-Identifier: Apache-2.0 */
/* Compiler helpers: must-use, printf checking, variables that free themselves, taking a pointer out of one. */
#ifndef J11_ATTR_H
#define J11_ATTR_H

#define J11_MUST_USE __attribute__((warn_unused_result))
#define J11_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
/* `J11_AUTO(fn) struct x *p = NULL;` calls fn(&p) when p leaves its scope. */
#define J11_AUTO(fn) __attribute__((cleanup(fn)))
/* Defines the cleanup function `name`_auto for a free function that takes the pointer itself. */
#define J11_DEFINE_AUTO(type, fn) \
	static inline void fn##_auto(type **p) \
	{ \
		fn(*p); \
	}
/* Moves a pointer out of a self-freeing variable. */
#define J11_STEAL(p) \
	__extension__({ \
		__typeof__(p) j11_stolen_ = (p); \
		(p) = NULL; \
		j11_stolen_; \
	})
#define J11_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
