# Writes what a restore needs below FOLDER: each account's new ledger entries, behind those that its file ACCOUNT.jsonl
# has; the audit log; the catalog. What failed does not stop the rest, and leaves the older file as it was.
set -eu
failed=0
export_ledgers() {
  accounts=$ACCOUNTS
  if [ -z "$accounts" ]; then
    list=$(prismatic account list --output csv) || return 1 # a pipe would hide that billing is away
    accounts=$(echo "$list" | tail -n +2 | cut -d , -f 1)
  fi
  for account in $accounts; do
    prismatic ledger export --account "$account" -o "$FOLDER/$account.jsonl" || failed=$((failed + 1))
  done
}
export_audit() {
  prismatic audit list --limit 10000 --output json > "$FOLDER/audit.json.part" || return 1
  if [ -e "$FOLDER/audit.json" ]; then
    newest=$(grep -o '"time":"[^"]*"' "$FOLDER/audit.json" | head -n 1)
    # A log that lacks it is that of a restore, which needs what these files alone still know.
    grep -q -F -e "$newest" "$FOLDER/audit.json.part" ||
      { echo "the audit log lacks $newest of audit.json: that and catalog.yaml stay. Put them aside when a restore is done" >&2; return 1; }
  fi
  mv "$FOLDER/audit.json.part" "$FOLDER/audit.json"
}
export_catalog() {
  prismatic catalog export > "$FOLDER/catalog.yaml.part" && mv "$FOLDER/catalog.yaml.part" "$FOLDER/catalog.yaml"
}
export_ledgers || failed=$((failed + 1))
{ export_audit && export_catalog; } || failed=$((failed + 1))
[ "$failed" -eq 0 ] || { echo "$failed exports failed" >&2; exit 1; }
