/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of the linter: members of keys, right ones and ones that are wrong in one way each. */
#ifndef J11_TEST_LINT_KEYS_H
#define J11_TEST_LINT_KEYS_H

#define N_BUT_LAST "1uihGVwZcABYG-1HW4v4nBP2AWCFwMSN7qrfo62Z8ZqpZR3ISQPN9rnJY8Pw4phR0vsacXQAFIJs5Kzy5l-m7oG50moyGWtEsdfIRqyUvSghW1c_5k-Zub" \
	"Ggiq3_fPjbVo8ER2i-W09MhBen3ht9CxfZRKymoIDezJOnUwNGqgviEywXsIEj_s1L3UHptjLNXwPQ-DqdvpfaQSKjjgxrMhM8frVnxT0gU9i0Mj7HifV9" \
	"0C3AImSZSUJIQ36w6a5cpbjwY2L8FWcTDrZnn7pw21BxsA0ffsNvo576ME9-8f_BN6ud3z_tc67isX1mqNo_2KMPz3ldPDBP9JaNOIm4r"
#define N N_BUT_LAST "w"
#define N_EVEN N_BUT_LAST "g"
/* The same number with a sign octet. */
#define N_SIGNED "ANbooRlcGXAAWBvtR1uL-JwT9gFghcDEje6q36OtmfGaqWUdyEkDzfa5yWPD8OKYUdL7GnF0ABSCbOSs8uZfpu6BudJqMhlrRLHXyEaslL0oIVtXP-ZPmb" \
	"mxoIqt_3z421aPBEdovltPTIQXp94bfQsX2USspqCA3syTp1MDRqoL4hMsF7CBI_7NS91B6bYyzV8D0Pg6nb6X2kEio44MazITPH61Z8U9IFPYtDI-x4n1" \
	"fdAtwCJkmUlCSEN-sOmuXKW48GNi_BVnEw62Z5-6cNtQcbANH37Db6Oe-jBPfvH_wTernd8_7XOu4rF9ZqjaP9ijD895XTwwT_SWjTiJuK8"
#define N_1024 "oNB5fdq8BwySof_0nGA2t7jssRIogllGYRp2k4lgLiFj8raV1_rwmvQ3Zpmy2BWRe8awO9fknOq893YhroDog_bw9R_pk-VXzSGNhXq1at7BRfNjdQboDc" \
	"XX4IfG6wcZ1inJB8UoA09BskRT_IlovjmrD0WSwHtXS5KQ76K9Sp0"
/* As the flawed generator of CVE-2017-15361 makes them. */
#define N_ROCA "0fzmc5Cf41SZztsECVK5q49HjWvAL2OHWscvIh3kUwRe9ZH0iNz5thPuvwTu2WYAUFkp_g92vzByqgQ_o1lEkkRnouwJ14IoTcAdQlVkGO5TnAu2UrqTIM" \
	"BsL4FABdUb3igh4sSHno942-o_ja7gZ9e682cjxzR8LxhfswM24QoEfvvHb9YJOFXmT_nKTdLIDdC1t0Eeyx6HocMxwpBZoGUaBjZthBIRKhdjAowQvdKu" \
	"AIcudW8WyLokl11NnQ65Iif37g2owfmHi2I7U-rgKR7lwyfFP1UUvB8ODFB0A8qK1Wg92Q1ElHSbW7zRVbwpRc1bDqpBd-FkFJ_BGIcnhw"
#define N_KID "HEEruajeCqvyw7-DdcAzA1-_LISR9UDL-HxM5aZXxw4"
/* One RSA key, one of P-256, one whose coordinates begin with zero octets, of P-521 too, one of Ed25519; each with its thumbprint as kid. */
#define RSA_N(n) "\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" n "\""
#define RSA RSA_N(N)
#define RSA_KEY RSA ",\"use\":\"sig\",\"alg\":\"RS256\",\"kid\":\"" N_KID "\""
#define X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define EC_XY(x, y) "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" x "\",\"y\":\"" y "\""
#define EC EC_XY(X, Y)
#define EC_KID "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U"
#define ES256 ",\"use\":\"sig\",\"alg\":\"ES256\""
#define EC_KEY EC ES256 ",\"kid\":\"" EC_KID "\""
#define ZERO_X "APMtV-flaGZe5IghGPuGqQMlwhHwdl9-P_8K42ufOrs"
#define ZERO_X_SHORT "8y1X5-VoZl7kiCEY-4apAyXCEfB2X34__wrja586uw"
#define ZERO_Y "nKTGa0Pn-5zBvLh8Uk14JSqaptHIvsZA8iXiiX9wZcE"
#define ZERO_Y_SIGNED "AJykxmtD5_ucwby4fFJNeCUqmqbRyL7GQPIl4ol_cGXB"
#define ZERO_COMPRESSED "AwDzLVfn5WhmXuSIIRj7hqkDJcIR8HZffj__CuNrnzq7"
#define ZERO_WHOLE "BADzLVfn5WhmXuSIIRj7hqkDJcIR8HZffj__CuNrnzq7nKTGa0Pn-5zBvLh8Uk14JSqaptHIvsZA8iXiiX9wZcE"
#define ZERO_WHOLE_DER "BEEEAPMtV-flaGZe5IghGPuGqQMlwhHwdl9-P_8K42ufOrucpMZrQ-f7nMG8uHxSTXglKpqm0ci-xkDyJeKJf3BlwQ"
#define ZERO_KEY EC_XY(ZERO_X, ZERO_Y) ES256 ",\"kid\":\"r1xZ240pAvUj3YW5vLW1AVgMevZIwuyLyzwdOSf4uEQ\""
#define P521_XY(x, y) "\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"" x "\",\"y\":\"" y "\",\"use\":\"sig\",\"alg\":\"ES512\""
#define P521_X "AABJ912gwHD9YJKmVff53jXo5DVRfOvH-5okiCvDwNNzTdbEvvTen_1PYS7N3j0vl9gSVWOCsqVTsYdANokxw2wd"
#define P521_X_SHORT "SfddoMBw_WCSplX3-d416OQ1UXzrx_uaJIgrw8DTc03WxL703p_9T2Euzd49L5fYElVjgrKlU7GHQDaJMcNsHQ"
#define P521_Y "AAL4adVO5wRUrxnnaIKldi35NgWU8uDWSoUlwu1uQvO3C06xvKBhLQdCx79ZAmCPAy2e6ALfNPmKoiaqUv9iqwno"
#define P521_KEY P521_XY(P521_X, P521_Y) ",\"kid\":\"2ySFnOmA7s7d_byAIjG0j1buYuGWNSrpgLdgWxX0bvU\""
#define OKP_X(x) "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" x "\""
#define ED_X "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define ED_KID "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
#define EDDSA ",\"use\":\"sig\",\"alg\":\"EdDSA\""
#define ED_KEY OKP_X(ED_X) EDDSA ",\"kid\":\"" ED_KID "\""
#define K1 "\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"nbzv4bOFnYK7cmEtsfs_sHxXx_rpcb0qseiokUfR_Ag\",\"y\":\"MIgfMpixiPJV60stQZ05d8gN-TQ5mg_U2bJsgYW0Hgo\""
#define X25519_X(x) "\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" x "\""
#define SET(keys) "{\"keys\":[" keys "]}"
#define KID ",\"kid\":\"1\""

#endif
