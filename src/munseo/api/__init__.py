"""The functions behind the commands; each joins the rooms of the house for one job."""
