#!/usr/bin/env python3
"""Meters work of another service with Prismatic's billing: hold the money, do the work, charge what came of it.

    meter.py --billing HOST:PORT --model MODEL --images N --work COMMAND
             [--account NAME --ca-file F --cert-file F --key-file F] [--admin HOST:PORT]

COMMAND is the work: it prints how many images it delivered, 0 to N. Who pays is PRISMATIC_API_KEY, or, for a trusted
meter, which its client certificate makes it, the account of that name. With --admin (and PRISMATIC_ADMIN_TOKEN) the
account's usage of today is printed.

Needs grpcio and protobuf, and the messages made from Prismatic's protos; docs/how-to/meter-another-service.md says how.
"""
import argparse
import contextlib
import datetime
import json
import os
import subprocess
import sys
import time
import uuid

import grpc
from prismatic.billing.v1 import billing_pb2 as pb
from prismatic.billing.v1 import billing_pb2_grpc
from prismatic.common.v1 import errors_pb2

DEADLINE_SECONDS = 3
# A failover of billing's Redis takes seconds; longer than this somebody should look.
PATIENCE_SECONDS = 30


def detail_of(error):
    """Every error carries one ErrorDetail. Programs decide by its reason, never by the message."""
    for name, value in error.trailing_metadata() or ():
        if name == "grpc-status-details-bin":
            for packed in errors_pb2.StatusDetails.FromString(value).details:
                detail = errors_pb2.ErrorDetail()
                if packed.Unpack(detail):
                    return detail
    return errors_pb2.ErrorDetail(reason=error.code().name)


def may_have_been_lost(error):
    return error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


def repeat(method, request):
    """All calls below are idempotent: an answer that was lost is asked for again, with the same identity."""
    give_up, pause = time.monotonic() + PATIENCE_SECONDS, 0.1
    while True:
        try:
            return method(request, timeout=DEADLINE_SECONDS)
        except grpc.RpcError as error:
            if not may_have_been_lost(error) or time.monotonic() > give_up:
                raise
        time.sleep(pause)
        pause = min(2 * pause, 2)


def new_attempt_id():
    """A UUIDv7: milliseconds first, then chance."""
    chance = int.from_bytes(os.urandom(10), "big")
    return str(uuid.UUID(int=time.time_ns() // 1_000_000 << 80 | 7 << 76 | (chance >> 68) % 4096 << 64 | 2 << 62
                         | chance % (1 << 62)))


def usd(nano_usd):
    """Exact: money is an integer of 10^-9 US dollars, never a float."""
    whole, rest = divmod(nano_usd, 1_000_000_000)
    return f"{whole}.{rest:09}".rstrip("0").rstrip(".")


class Metered:
    """One piece of work in progress. Set `delivered` when it is done; what is not set is not charged."""

    def __init__(self, reservation):
        self.reservation = reservation
        self.delivered = 0
        self.ledger_sequence = 0


class Meter:
    """`payer` is {"api_key": ...} or {"account": ...}."""

    def __init__(self, channel, payer):
        self.billing = billing_pb2_grpc.BillingStub(channel)
        self.payer = payer

    def check_key(self):
        """Whose key it is. Holds and consumes nothing."""
        return repeat(self.billing.CheckKey, pb.CheckKeyRequest(api_key=self.payer["api_key"]))

    def estimate(self, model, images):
        return repeat(self.billing.EstimateCost, pb.EstimateCostRequest(model=model, image_count=images, **self.payer))

    @contextlib.contextmanager
    def metered(self, model, images):
        """Holds the price while the body runs. Then charges `delivered` images, or nothing when the body failed."""
        attempt = new_attempt_id()
        request = pb.CreateReservationRequest(attempt_id=attempt, model=model, image_count=images, **self.payer)
        try:
            work = Metered(repeat(self.billing.CreateReservation, request).reservation)
        except grpc.RpcError as error:
            # It may have been made all the same. Nothing is done for it, so give it back, at the latest at its expiry.
            if may_have_been_lost(error):
                with contextlib.suppress(grpc.RpcError):
                    self.billing.ReleaseReservation(self.identity_of(attempt), timeout=DEADLINE_SECONDS)
            raise
        try:
            yield work
        except BaseException:
            repeat(self.billing.ReleaseReservation, pb.ReleaseReservationRequest(reservation_id=work.reservation.id))
            raise
        self.settle(work)

    def identity_of(self, attempt):
        """A release names a reservation whose answer was lost by what it was asked for with."""
        if "account" in self.payer:
            return pb.ReleaseReservationRequest(reservation_id=f"{self.payer['account']}.{attempt}")
        return pb.ReleaseReservationRequest(api_key=self.payer["api_key"], attempt_id=attempt)

    def settle(self, work):
        request = pb.SettleReservationRequest(reservation_id=work.reservation.id, delivered_count=work.delivered)
        try:
            settled = repeat(self.billing.SettleReservation, request)
        except grpc.RpcError as error:
            if may_have_been_lost(error):
                # The work is done; the money is still held. `prismatic settlement replay` settles from this line,
                # within 24 hours.
                print(json.dumps({"message": "settlement_pending", "reservation": work.reservation.id,
                                  "delivered": work.delivered}), file=sys.stderr, flush=True)
            raise
        work.reservation, work.ledger_sequence = settled.reservation, settled.ledger_sequence


def usage_today(address, account):
    """An administrator's call, on the admin port."""
    today = int(datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%d"))
    with grpc.insecure_channel(address) as channel:
        admin = billing_pb2_grpc.BillingAdminStub(channel)
        return admin.ListUsage(pb.ListUsageRequest(account=account, first_day=today, last_day=today),
                               timeout=DEADLINE_SECONDS,
                               metadata=(("authorization", "Bearer " + os.environ["PRISMATIC_ADMIN_TOKEN"]),)).rows


def open_channel(options):
    if not options.cert_file:
        return grpc.insecure_channel(options.billing)
    ca, key, cert = (open(path, "rb").read() for path in (options.ca_file, options.key_file, options.cert_file))
    return grpc.secure_channel(options.billing, grpc.ssl_channel_credentials(ca, key, cert))


def run(options):
    payer = {"account": options.account} if options.account else {"api_key": os.environ["PRISMATIC_API_KEY"]}
    with open_channel(options) as channel:
        meter = Meter(channel, payer)
        account = options.account or meter.check_key().account
        estimate = meter.estimate(options.model, options.images)
        print(f"estimate: {usd(estimate.total_nano_usd)} USD for {account}")
        with meter.metered(options.model, options.images) as work:
            print(f"reserved: {work.reservation.id}", flush=True)
            done = subprocess.run(options.work, shell=True, check=True, stdout=subprocess.PIPE, text=True)
            work.delivered = int(done.stdout)
            if not 0 <= work.delivered <= options.images:
                raise ValueError(f"{work.delivered} of {options.images} images")
        print(f"charged: {usd(work.reservation.charge_nano_usd)} USD, ledger entry {work.ledger_sequence}")
    if options.admin:
        for row in usage_today(options.admin, account):
            charged = usd(row.charged_nano_usd)
            print(f"usage: {row.day} {row.key_id or '-'} {row.model} {row.images} images {charged} USD")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    for name in ("billing", "model", "work"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--images", type=int, default=1)
    for name in ("account", "ca-file", "cert-file", "key-file", "admin"):
        parser.add_argument("--" + name)
    try:
        run(parser.parse_args())
    except grpc.RpcError as error:
        print(f"refused: {detail_of(error).reason}: {error.details()}", file=sys.stderr)
        return 1
    except (subprocess.CalledProcessError, ValueError) as error:
        print(f"the work failed, nothing is charged: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
