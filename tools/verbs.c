/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs, in the order in which the help names them. */
#include "cmd.h"

extern const struct cmd_verb cmd_list, cmd_jwks, cmd_lint, cmd_inspect, cmd_sign, cmd_jws, cmd_jwt, cmd_token, cmd_verify, cmd_encrypt, cmd_decrypt,
	cmd_assertion, cmd_dpop, cmd_attest_pop, cmd_httpsig, cmd_acme_jws, cmd_csr, cmd_selfsign, cmd_import_cert, cmd_cert, cmd_enroll,
	cmd_keygen, cmd_import, cmd_rotate, cmd_keys, cmd_prune, cmd_whoami, cmd_tokens, cmd_login, cmd_logout, cmd_audit, cmd_metrics,
	cmd_publish, cmd_setup, cmd_doctor, cmd_complete;

const struct cmd_verb *const cmd_verbs[] = {
	&cmd_list,
	&cmd_jwks,
	&cmd_lint,
	&cmd_inspect,
	&cmd_sign,
	&cmd_jws,
	&cmd_jwt,
	&cmd_token,
	&cmd_verify,
	&cmd_encrypt,
	&cmd_decrypt,
	&cmd_assertion,
	&cmd_dpop,
	&cmd_attest_pop,
	&cmd_httpsig,
	&cmd_acme_jws,
	&cmd_csr,
	&cmd_selfsign,
	&cmd_import_cert,
	&cmd_cert,
	&cmd_enroll,
	&cmd_keygen,
	&cmd_import,
	&cmd_rotate,
	&cmd_keys,
	&cmd_prune,
	&cmd_whoami,
	&cmd_tokens,
	&cmd_login,
	&cmd_logout,
	&cmd_audit,
	&cmd_metrics,
	&cmd_publish,
	&cmd_setup,
	&cmd_doctor,
	&cmd_complete,
	NULL,
};

const struct cmd_heading cmd_headings[] = {
	{ &cmd_list, "Keys and key sets" },
	{ &cmd_sign, "Signing and its like" },
	{ &cmd_assertion, "Proofs" },
	{ &cmd_csr, "Certificates" },
	{ &cmd_keygen, "Making keys, and taking them away" },
	{ &cmd_whoami, "The broker" },
	{ &cmd_setup, "The machine" },
};
const size_t cmd_n_headings = sizeof(cmd_headings) / sizeof(cmd_headings[0]);
