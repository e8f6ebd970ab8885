# Puts the ACL file together: the passwords come from the mounted Secret, and only their SHA-256 is written.
set -eu
digest_of() { # digest_of FILE: of its content without the newline at its end
  secret=$(cat "$1")
  [ -n "$secret" ] || { echo "$1 is empty: the Secret must hold a password" >&2; return 1; }
  printf '%s' "$secret" | sha256sum | cut -d ' ' -f 1
}
billing=$(digest_of "$PASSWORDS/billing")
registry=$(digest_of "$PASSWORDS/registry")
umask 077
sed -e "s/@BILLING_USER@/$BILLING_USER/" -e "s/@BILLING_SHA256@/$billing/" \
  -e "s/@REGISTRY_USER@/$REGISTRY_USER/" -e "s/@REGISTRY_SHA256@/$registry/" "$TEMPLATE" > "$TARGET"
