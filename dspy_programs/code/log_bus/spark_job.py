"""A Spark structured streaming job: windows of what goes wrong in `logs.raw.NAME`, counted, to `logs.ctx.NAME`.

spark-submit --packages org.apache.spark:spark-sql-kafka-0-10_2.13:4.0.1 spark_logs.py --bootstrap HOST:PORT --checkpoint DIR

For more lines than one `code worker` a topic reads. It stands alone: `code stack spark` copies it. It counts by severity and
keeps a few lines of each, as they are: secrets in them stay. Whole stack traces need a worker, which has a topic's lines in
their order and takes secrets out.
"""

import argparse
from typing import Any

SEVERITIES = (
    ("fatal", r"(?i)\b(?:fatal|panic|critical|out of memory|segmentation fault)\b"),
    ("error", r"(?i)\b(?:errors?|exception|traceback|severe)\b|\b\w+(?:Error|Exception)\b"),
    ("failure", r"(?i)\b(?:failed|failure|timeout|timed out|refused|denied|not found|no such \w+)\b"),
    ("warning", r"(?i)\bwarn(?:ing)?\b"),
)
"""From the worst on: the first expression that a line fits is its severity."""
_HARMLESS = r"(?i)\b(?:no|0|zero) (?:errors?|failures?|failed|warnings?)\b|\b(?:INFO|DEBUG|TRACE)\b"
_LINES = 5  # of each window that are kept
_PREFIX = "logs.raw."


def windows_of(lines: Any, window: str = "30 seconds", watermark: str = "2 minutes") -> Any:
    """Return what went wrong, by window, log and severity.

    Args:
        lines: A data frame, streaming or not, of topic, value and timestamp.
        window: How long one is.
        watermark: How late a line may come.

    Returns:
        A data frame of topic and value (JSON: severity, count, first, last, lines), as Kafka's sink takes it.
    """
    from pyspark.sql import functions as F

    text = F.col("value").cast("string")
    severity = F.when(text.rlike(_HARMLESS), None)
    for name, words in SEVERITIES:
        severity = severity.when(text.rlike(words), name)
    found = lines.select(F.col("topic"), F.col("timestamp"), text.alias("line"), severity.alias("severity"))
    counted = (
        found.where(F.col("severity").isNotNull())
        .withWatermark("timestamp", watermark)
        .groupBy(F.window("timestamp", window), "topic", "severity")
        .agg(F.count("*").alias("count"), F.slice(F.collect_list("line"), 1, _LINES).alias("lines"))
    )
    value = F.struct("severity", "count", F.col("window.start").alias("first"), F.col("window.end").alias("last"), "lines")
    topic = F.regexp_replace("topic", "^" + _PREFIX.replace(".", r"\."), "logs.ctx.")
    return counted.select(topic.alias("topic"), F.to_json(value).alias("value"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--pattern", default=_PREFIX.replace(".", r"\.") + ".*")
    parser.add_argument("--window", default="30 seconds")
    parser.add_argument("--watermark", default="2 minutes")
    asked = parser.parse_args()
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.appName("logs").getOrCreate()
    source = spark.readStream.format("kafka").option("kafka.bootstrap.servers", asked.bootstrap)
    lines = source.option("subscribePattern", asked.pattern).option("startingOffsets", "earliest").load()
    sink = windows_of(lines, asked.window, asked.watermark).writeStream.format("kafka").outputMode("append")
    sink = sink.option("kafka.bootstrap.servers", asked.bootstrap).option("checkpointLocation", asked.checkpoint)
    sink.start().awaitTermination()


if __name__ == "__main__":
    main()
