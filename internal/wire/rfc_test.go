package wire

import (
	"errors"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestRFCExamples are the worked examples of the standards: a key, its DS and
// a signature by it.
func TestRFCExamples(t *testing.T) {
	for _, example := range []struct{ source, key, ds, record, signature string }{
		{
			"RFC 6605 section 6.1",
			"example.net. 3600 IN DNSKEY 257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edb krSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
			"example.net. 3600 IN DS 55648 13 2 b4c8c1fe2e7477127b27115656ad6256f424625bf5c1 e2770ce6d6e37df61d17",
			"www.example.net. 3600 IN A 192.0.2.1",
			"www.example.net. 3600 IN RRSIG A 13 3 3600 20100909100439 20100812100439 55648 example.net. qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXA yGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==",
		},
		{
			"RFC 6605 section 6.2",
			"example.net. 3600 IN DNSKEY 257 3 14 xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1 w/egsXvSADtNJhyem5RCOpgQ6K8X1DRSEkrbYQ+OB+v8 /uX45NBwY8rp65F6Glur8I/mlVNgF6W/qTI37m40",
			"example.net. 3600 IN DS 10771 14 4 72d7b62976ce06438e9c0bf319013cf801f09ecc84b8 d7e9495f27e305c6a9b0563a9b5f4d288405c3008a94 6df983d6",
			"www.example.net. 3600 IN A 192.0.2.1",
			"www.example.net. 3600 IN RRSIG A 14 3 3600 20100909102025 20100812102025 10771 example.net. /L5hDKIvGDyI1fcARX3z65qrmPsVz73QD1Mr5CEqOiLP 95hxQouuroGCeZOvzFaxsT8Glr74hbavRKayJNuydCuz WTSSPdz7wnqXL5bdcJzusdnI0RSMROxxwGipWcJm",
		},
		{
			"RFC 8080 section 6.1, first",
			"example.com. 3600 IN DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
			"example.com. 3600 IN DS 3613 15 2 3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79 a304b",
			"example.com. 3600 IN MX 10 mail.example.com.",
			"example.com. 3600 IN RRSIG MX 15 2 3600 1440021600 1438207200 3613 example.com. oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3f x8A4M3e23mRZ9VrbpMngwcrqNAg==",
		},
		{
			"RFC 8080 section 6.1, second",
			"example.com. 3600 IN DNSKEY 257 3 15 zPnZ/QwEe7S8C5SPz2OfS5RR40ATk2/rYnE9xHIEijs=",
			"example.com. 3600 IN DS 35217 15 2 401781b934e392de492ec77ae2e15d70f6575a1c0bc59c5275c04ebe80c 6614c",
			"example.com. 3600 IN MX 10 mail.example.com.",
			"example.com. 3600 IN RRSIG MX 15 2 3600 1440021600 1438207200 35217 example.com. zXQ0bkYgQTEFyfLyi9QoiY6D8ZdYo4wyUhVioYZXFdT410QPRITQSqJSnzQ oSm5poJ7gD7AQR0O7KuI5k2pcBg==",
		},
		{ // the signatures as erratum 4935 gives them
			"RFC 8080 section 6.2, first",
			"example.com. 3600 IN DNSKEY 257 3 16 3kgROaDjrh0H2iuixWBrc8g2EpBBLCdGzHmn+G2MpTPhpj/OiBVHHSfPodx 1FYYUcJKm1MDpJtIA",
			"example.com. 3600 IN DS 9713 16 2 6ccf18d5bc5d7fc2fceb1d59d17321402f2aa8d368048db93dd811f5cb2 b19c7",
			"example.com. 3600 IN MX 10 mail.example.com.",
			"example.com. 3600 IN RRSIG MX 16 2 3600 1440021600 1438207200 9713 example.com. 3cPAHkmlnxcDHMyg7vFC34l0blBhuG1qpwLmjInI8w1CMB29FkEAIJUA0am xWndkmnBZ6SKiwZSAxGILn/NBtOXft0+Gj7FSvOKxE/07+4RQvE581N3Aj/ JtIyaiYVdnYtyMWbSNyGEY2213WKsJlwEA",
		},
		{
			"RFC 8080 section 6.2, second",
			"example.com. 3600 IN DNSKEY 257 3 16 kkreGWoccSDmUBGAe7+zsbG6ZAFQp+syPmYUurBRQc3tDjeMCJcVMRDmgcN Lp5HlHAMy12VoISsA",
			"example.com. 3600 IN DS 38353 16 2 645ff078b3568f5852b70cb60e8e696cc77b75bfaaffc118cf79cbda1ba 28af4",
			"example.com. 3600 IN MX 10 mail.example.com.",
			"example.com. 3600 IN RRSIG MX 16 2 3600 1440021600 1438207200 38353 example.com. E1/oLjSGIbmLny/4fcgM1z4oL6aqo+izT3urCyHyvEp4Sp8Syg1eI+lJ57C SnZqjJP41O/9l4m0AsQ4f7qI1gVnML8vWWiyW2KXhT9kuAICUSxv5OWbf81 Rq7Yu60npabODB0QFPb/rkW3kUZmQ0YQUA",
		},
	} {
		t.Run(example.source, func(t *testing.T) {
			keyRecord := record(t, example.key)
			key, err := keyRecord.DNSKEY()
			if err != nil {
				t.Fatal(err)
			}
			want := record(t, example.ds)
			data, err := want.DS()
			if err != nil {
				t.Fatal(err)
			}
			ds, err := key.Digest(keyRecord.Name, data.DigestType)
			if err != nil || !reflect.DeepEqual(ds, data) {
				t.Errorf("DS %+v, %v; want %+v", ds, err, data)
			}
			if tag := strconv.Itoa(int(key.KeyTag())); !strings.Contains(example.signature, " "+tag+" ") {
				t.Errorf("tag %s is not the signature's", tag)
			}
			sig, err := record(t, example.signature).RRSIG()
			if err != nil {
				t.Fatal(err)
			}
			rrset := []Record{record(t, example.record)}
			if err := Verify(sig, key, rrset); err != nil {
				t.Errorf("the example does not verify: %v", err)
			}
			for i := range sig.Signature {
				sig.Signature[i] ^= 0x10
				if err := Verify(sig, key, rrset); !errors.Is(err, ErrSignature) {
					t.Errorf("with octet %d changed: %v", i, err)
				}
				sig.Signature[i] ^= 0x10
			}
			changed := sig
			changed.Expiration++
			if err := Verify(changed, key, rrset); !errors.Is(err, ErrSignature) {
				t.Errorf("with another expiration: %v", err)
			}
		})
	}
}

// TestRFCExampleTimes: the signature of RFC 6605 section 6.1 was valid from
// 2010-08-12 10:04:39 to 2010-09-09 10:04:39.
func TestRFCExampleTimes(t *testing.T) {
	sig, err := record(t, "www.example.net. 3600 IN RRSIG A 13 3 3600 20100909100439 20100812100439 55648 example.net. qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==").RRSIG()
	if err != nil {
		t.Fatal(err)
	}
	inception, expiration := sig.Times(time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC))
	if !inception.Equal(time.Date(2010, 8, 12, 10, 4, 39, 0, time.UTC)) || !expiration.Equal(time.Date(2010, 9, 9, 10, 4, 39, 0, time.UTC)) {
		t.Errorf("%s to %s", inception, expiration)
	}
}
