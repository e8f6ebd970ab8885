# What `helm test` runs: the suite is well, a picture comes, and the ledger moved by exactly its price.
set -eu

say() { echo "helm test: $*"; }
fail() { say "FAILED: $*" >&2; exit 1; }
number() { sed -n "s/.*\"$1\":\(-\{0,1\}[0-9]\{1,\}\).*/\1/p"; } # number MEMBER: of the JSON at standard input

prismatic doctor || fail "prismatic doctor found something wrong"
if [ -z "$MODEL" ]; then
  say "no sandbox is installed: no picture was made, since a real one costs money"
  exit 0
fi

# A model that another provider may draw would cost money.
providers=$(prismatic model show "$MODEL" --output json | grep -o '"provider":"[^"]*"' | cut -d '"' -f 4) || fail "the model $MODEL has no route"
for provider in $providers; do
  prismatic provider show "$provider" --output json | grep -q "\"base_url\":\"http://$SANDBOX/" ||
    fail "the model $MODEL has a route to $provider, which is not the sandbox: nothing was bought. Let tests.model name one of the sandbox's alone, or set sandbox.enabled=false"
done

account=helm-test-$(date +%s%N)
prismatic account create "$account" --wallet-usd 1 > /dev/null || fail "no account could be made"
trap 'prismatic account suspend "$account" > /dev/null' EXIT
before=$(prismatic account show "$account" --output json | number balance_nano_usd)
price=$(prismatic model show "$MODEL" --output json | number retail_generation_nano_usd)
[ -n "$price" ] || fail "the model $MODEL has no price"
key=$(prismatic key create --account "$account" --expires-in 1h --output json | sed -n 's/.*"api_key":"\([^"]*\)".*/\1/p')
[ -n "$key" ] || fail "no API key could be made"

PRISMATIC_API_KEY=$key prismatic generate --model "$MODEL" --prompt "A lighthouse at dusk" --seed 1 -o "$FOLDER/picture.png" \
  --output json > "$FOLDER/answer.json" || fail "no picture came"
[ "$(head -c 8 "$FOLDER/picture.png" | od -An -tx1 | tr -d ' \n')" = 89504e470d0a1a0a ] || fail "what came is no PNG"
cost=$(number cost_nano_usd < "$FOLDER/answer.json")
[ "$cost" = "$price" ] || fail "the picture cost $cost nano-USD, and its price is $price"

after=$(prismatic account show "$account" --output json | number balance_nano_usd)
[ $((before - after)) -eq "$cost" ] || fail "the picture cost $cost nano-USD, and the wallet moved by $((before - after))"
prismatic ledger verify --account "$account" > /dev/null || fail "the ledger and the account differ"
charges=$(prismatic ledger list --account "$account" --all --output json | grep -o "\"amount_nano_usd\":-${cost}[,}]" | wc -l)
[ "$charges" -eq 1 ] || fail "the ledger has $charges charges of $cost nano-USD instead of one"
say "ok: a picture of $(wc -c < "$FOLDER/picture.png") bytes for $cost nano-USD, and the ledger says the same"
